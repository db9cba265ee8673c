#!/usr/bin/env bash
# Times a full bundle (csv, json, xlsx) against `pg_dump -Fc` of the same table, and a restore that replaces all rows of the table
# against `pg_restore --data-only` into an empty one with the same key; in turns, in one run. ROWS and ROUNDS choose the size. Prints
# medians, ranges and ratios in seconds.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

rows=${ROWS:-1000000} rounds=${ROUNDS:-5}

psql() { scripts/cluster.sh psql bench "$1" -q "${@:2}"; }

create() { # database
    psql postgres -c "CREATE DATABASE $1"
    psql "$1" <<'SQL'
CREATE TABLE public.measured (
    id bigint PRIMARY KEY, code text, title text, amount numeric(12, 2), ratio float8, active boolean, day date,
    changed_at timestamptz
);
SQL
}

load() {
    create bench
    create empty
    psql bench -v rows="$rows" <<'SQL'
SELECT setseed(0.5) \g /dev/null
INSERT INTO public.measured
SELECT n, 'EP' || lpad(n::text, 9, '0'), 'Verfahren zur Messung von ' || md5(n::text), (random() * 1e6)::numeric(12, 2),
       random(), random() < 0.5, date '2000-01-01' + (random() * 9000)::int,
       timestamptz '2020-01-01 00:00:00Z' + random() * interval '5 years'
FROM generate_series(1, :rows) AS n;
VACUUM (FREEZE, ANALYZE) public.measured;
CREATE EXTENSION paliad_backup;
SQL
    psql bench -c "ALTER DATABASE bench SET paliad_backup.directory = '$cluster/backups/bench'"
}

theirs() { "$(pg_config --bindir)/$1" -h "$cluster/socket" -p "$port" -U postgres "${@:2}"; }

run() { psql bench -o /dev/null -c "SELECT paliad_backup.run('on_demand')"; }
dump() { theirs pg_dump -Fc -f "$build/bench/dump" bench; }
restore() {
    psql bench -o /dev/null -c "SELECT r.* FROM paliad_backup.latest() AS b,
        paliad_backup.restore(b.id, overwrite => true, dry_run => false, checkpoint => false) AS r"
}
load_dump() { theirs pg_restore --data-only -t measured -d empty "$build/bench/dump"; }

measure() { # name: appends the seconds that it took
    local begin=$EPOCHREALTIME
    "$1"
    awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f\n", b - a }' | tee -a "$build/bench/$1.seconds"
}

report() { # what is compared, our function, their function, their program
    local side
    for side in "$2" "$3"; do
        sort -n "$build/bench/$side.seconds" | awk '
            { t[NR] = $1 }
            END { m = NR % 2 ? t[(NR + 1) / 2] : (t[NR / 2] + t[NR / 2 + 1]) / 2; print m, t[1], t[NR] }'
    done | awk -v what="$1" -v theirs="$4" '
        { printf "%-26s median %.2f s (%.2f to %.2f)\n", NR == 1 ? "paliad_backup " what : theirs, $1, $2, $3; m[NR] = $1 }
        END { printf "%-26s %.2f\n", "ratio", m[1] / m[2] }'
}

scripts/deps.sh
install_extension
rm -rf build/bench
mkdir -p build/bench
scripts/cluster.sh drop bench
scripts/cluster.sh start bench
cluster=$(scripts/cluster.sh path bench)
trap 'scripts/cluster.sh drop bench' EXIT
heading "Load $rows rows of 8 columns"
load
for ((round = 1; round <= rounds; round++)); do
    heading "Round $round of $rounds: run(), pg_dump -Fc, restore(), pg_restore --data-only (seconds)"
    measure run
    measure dump
    measure restore
    psql empty -c 'TRUNCATE public.measured'
    measure load_dump
done
digest=$(psql bench -At -c "SELECT md5(string_agg(md5(m::text), '' ORDER BY id)) FROM public.measured AS m")
[[ $digest == "$(psql empty -At -c "SELECT md5(string_agg(md5(m::text), '' ORDER BY id)) FROM public.measured AS m")" ]] ||
    die 'the restored tables differ'
heading 'Result'
report backup run dump 'pg_dump -Fc'
report restore restore load_dump 'pg_restore --data-only'
