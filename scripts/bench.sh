#!/usr/bin/env bash
# Times a full bundle (csv, json, xlsx) against `pg_dump -Fc` of the same table, in turns, in one run.
# ROWS and ROUNDS choose the size. Prints median, range and ratio in seconds.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

rows=${ROWS:-1000000} rounds=${ROUNDS:-5}

psql() { scripts/cluster.sh psql bench "$1" -q "${@:2}"; }

load() {
    psql postgres -c 'CREATE DATABASE bench'
    psql bench -v rows="$rows" <<'SQL'
SELECT setseed(0.5) \g /dev/null
CREATE TABLE public.measured (
    id bigint PRIMARY KEY, code text, title text, amount numeric(12, 2), ratio float8, active boolean, day date,
    changed_at timestamptz
);
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

ours() { psql bench -o /dev/null -c "SELECT paliad_backup.run('on_demand')"; }
theirs() { "$(pg_config --bindir)/pg_dump" -h "$cluster/socket" -p "$port" -U postgres -Fc -f "$build/bench/dump" bench; }

measure() { # name: appends the seconds that it took
    local begin=$EPOCHREALTIME
    "$1"
    awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f\n", b - a }' | tee -a "$build/bench/$1"
}

report() {
    local side
    for side in ours theirs; do
        sort -n "$build/bench/$side" | awk -v side="$side" '
            { t[NR] = $1 }
            END { m = NR % 2 ? t[(NR + 1) / 2] : (t[NR / 2] + t[NR / 2 + 1]) / 2; print side, m, t[1], t[NR] }'
    done | awk '
        { printf "%-14s median %.2f s (%.2f to %.2f)\n", $1 == "ours" ? "paliad_backup" : "pg_dump -Fc", $2, $3, $4; m[$1] = $2 }
        END { printf "ratio          %.2f\n", m["ours"] / m["theirs"] }'
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
    heading "Round $round of $rounds: paliad_backup, then pg_dump -Fc (seconds)"
    measure ours
    measure theirs
done
heading 'Result'
report
