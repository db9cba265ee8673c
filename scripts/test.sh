#!/usr/bin/env bash
# Runs the tests; the last line is "N passed, N failed", over all suites. SUITE chooses among
#   unit     the pure rooms, without a server
#   doc      examples in the documentation
#   oracle   tests/oracle, which checks bundles without any of our code: that it sees errors
#   regress  the SQL contract: tests/pg_regress, by the server's own pg_regress
#   client   tests/*.rs and tests/*/main.rs, against throwaway clusters
# FILTER is a part of the names of unit, doc and client tests to run. PALIAD_BACKUP_CASES is the number of generated
# cases (tests/generated, 100 unless set), PALIAD_BACKUP_SEED the one that runs alone.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

every='unit doc oracle regress client'
suites=${SUITE:-$every}
filter=${FILTER:-}
logs=$build/test
for suite in $suites; do
    [[ " $every " == *" $suite "* ]] || die "unknown suite $suite: SUITE is made of $every"
done

# One run at a time has the cluster and the logs. as_server closes the descriptor for servers, which may outlive a killed run.
mkdir -p "$build"
exec 9>"$build/test.lock"
flock --nonblock 9 || die 'another make test runs in this clone'

passed=0 failed=0

# Adds what a suite counted. A suite that ended badly without a failed test did not even begin.
tally() { # suite, exit status, passed, failed
    passed=$((passed + $3)) failed=$((failed + $4))
    if (($2 != 0 && $4 == 0)); then
        echo "failed: suite $1 did not run, exit status $2"
        failed=$((failed + 1))
    fi
}

# Tests that skip themselves say so in a line "skipped: …"; cargo counts them as passed.
cargo_suite() { # suite, arguments of cargo test
    local suite=$1 log=$logs/$1.log status=0 counts skipped
    shift
    heading "$suite"
    cargo test --locked --no-default-features --no-fail-fast "$@" -- ${filter:+"$filter"} 2>&1 | tee "$log" || status=$?
    # A test program that has begun and told no result has crashed: one failure.
    read -r -a counts < <(awk '
        /^     Running |^   Doc-tests / { begun++ }
        /^test result:/ { p += $4; f += $6; i += $8; begun-- }
        END { print p + 0, f + begun, i + 0 }' "$log")
    skipped=$(grep -c '^skipped: ' "$log" || true)
    if ((counts[2] > 0)); then echo "skipped: ${counts[2]} ignored in suite $suite" >>"$log"; fi
    tally "$suite" "$status" $((counts[0] - skipped)) "${counts[1]}"
}

# Python's unittest ends with "Ran 29 tests in 0.2s" and "OK" or "FAILED (failures=1, errors=1, skipped=2)".
oracle_suite() {
    local log=$logs/oracle.log status=0 counts
    heading oracle
    psql postgres -c 'CREATE DATABASE oracle'
    (cd tests/oracle && ORACLE_PSQL="$(pg_config --bindir)/psql -h $cluster/socket -p $port -U postgres -d oracle" \
        "$python" -B -m unittest 2>&1) | tee "$log" || status=$?
    read -r -a counts < <(awk '
        /^Ran / { ran = $2 }
        /^(OK|FAILED)/ { while (match($0, /(failures|errors|skipped)=[0-9]+/)) {
            split(substr($0, RSTART, RLENGTH), part, "="); count[part[1]] = part[2]; $0 = substr($0, RSTART + RLENGTH) } }
        END { print ran + 0, count["failures"] + count["errors"], count["skipped"] + 0 }' "$log")
    if ((counts[2] > 0)); then echo "skipped: ${counts[2]} in suite oracle" >>"$log"; fi
    tally oracle "$status" $((counts[0] - counts[1] - counts[2])) "${counts[1]}"
}

# The tests share the database `regress`, where the extension and its directory are ready; they run in name order.
regress_suite() {
    local log=$logs/regress.log status=0 tests
    heading regress
    psql postgres -c 'CREATE DATABASE regress'
    psql regress -c 'CREATE EXTENSION paliad_backup' \
        -c "ALTER DATABASE regress SET paliad_backup.directory = '$cluster/backups/regress'" || {
        tally regress $? 0 0
        return
    }
    mapfile -t tests < <(cd tests/pg_regress/sql && printf '%s\n' *.sql | sed 's/\.sql$//' | sort)
    "$(pg_config --pkglibdir)/pgxs/src/test/regress/pg_regress" --bindir="$(pg_config --bindir)" --use-existing \
        --inputdir=tests/pg_regress --outputdir="$logs" --dbname=regress --host="$cluster/socket" --port="$port" \
        --user=postgres "${tests[@]}" 2>&1 | tee "$log" || status=$?
    if [[ -f $logs/regression.diffs ]]; then cat "$logs/regression.diffs"; fi
    tally regress "$status" "$(grep -cE '^(test| ).* \.\.\. ok ' "$log")" "$(grep -cE '^(test| ).* \.\.\. FAILED' "$log")"
}

client_suite() {
    export PALIAD_BACKUP_TEST_SOCKET=$cluster/socket PALIAD_BACKUP_TEST_PYTHON=$python
    PALIAD_BACKUP_TEST_BINDIR=$(pg_config --bindir)
    export PALIAD_BACKUP_TEST_BINDIR
    # Many tests wait for others, or for a clock.
    RUST_TEST_THREADS=4 cargo_suite client --test "*"
}

psql() { scripts/cluster.sh psql test "$1" -q "${@:2}"; }

# A test process that died leaves its own clusters behind; their names begin with "own-".
remove_clusters() {
    local own
    for own in "$(dirname "$cluster")"/own-*/; do
        if [[ -d $own ]]; then scripts/cluster.sh drop "$(basename "$own")"; fi
    done
    cp "$cluster/log" "$logs/server.log"
    scripts/cluster.sh drop test
}

scripts/deps.sh test
install_extension
rm -rf "$logs"
mkdir -p "$logs"
scripts/cluster.sh drop test
scripts/cluster.sh start test
cluster=$(scripts/cluster.sh path test)
trap remove_clusters EXIT
# The first python3 may be one that Debian's packages are not for.
for python in python3 /usr/bin/python3; do
    if "$python" -c 'import openpyxl' 2>/dev/null; then break; fi
done

for suite in $suites; do
    case $suite in
    unit) cargo_suite unit --lib ;;
    doc) cargo_suite doc --doc ;;
    oracle) oracle_suite ;;
    regress) regress_suite ;;
    client) client_suite ;;
    esac
done

trap - EXIT
remove_clusters
heading "logs are in $logs"
grep -h '^skipped: ' "$logs"/*.log || true
echo "$passed passed, $failed failed"
((failed == 0))
