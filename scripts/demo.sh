#!/usr/bin/env bash
# Makes a backup of the demo application and shows what became of it. SCALE multiplies the number of rows.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

prepare() {
    scripts/deps.sh
    install_extension
    scripts/cluster.sh drop demo
    scripts/cluster.sh start demo "cron.database_name = 'paliad'"
    cluster=$(scripts/cluster.sh path demo)
    trap 'scripts/cluster.sh stop demo' EXIT
}

paliad() { scripts/cluster.sh psql demo paliad -q "$@"; }

load() {
    scripts/cluster.sh psql demo postgres -q -c 'CREATE DATABASE paliad'
    paliad -v scale="${SCALE:-1}" -f tests/demo/load.sql >/dev/null
    paliad -c 'CREATE EXTENSION paliad_backup'
    paliad -f tests/demo/register.sql >/dev/null
    paliad -c "ALTER DATABASE paliad SET paliad_backup.directory = '$cluster/backups/paliad'"
}

unpack() {
    rm -rf build/demo
    mkdir -p build/demo
    unzip -q "$bundle" -d build/demo/unpacked
}

heading 'Build and install the extension'
prepare
heading 'Load the application'
load

heading "SELECT * FROM paliad_backup.run('on_demand')"
# Beside the columns of names and values, long values are wrapped.
paliad -x -P format=wrapped -P columns=110 -c "SELECT * FROM paliad_backup.run('on_demand')"
id=$(paliad -At -c 'SELECT id FROM paliad_backup.latest()')
bundle=$(find "$cluster/backups" -name "$id.zip")
[[ -n $bundle ]] || die "there is no $id.zip in $cluster/backups"
unpack

heading 'What is in the zip'
unzip -l "$bundle"

heading 'First rows of csv/patents.csv'
head -n 5 build/demo/unpacked/csv/patents.csv

heading 'sha256sum -c SHA256SUMS, in the unpacked folder'
(cd build/demo/unpacked && sha256sum -c SHA256SUMS >../checked)
tail -n 3 build/demo/checked
echo "$(grep -c ': OK$' build/demo/checked) files OK"

heading 'rehearse_restore(id): it comes back'
paliad -c "SELECT ok, count(*) AS sheets, sum(rows_found) AS rows FROM paliad_backup.rehearse_restore('$id') GROUP BY ok"

heading "restore(id, sheets => '{paliad.holidays}'), a dry run, after DELETE FROM paliad.holidays"
paliad <<SQL
DELETE FROM paliad.holidays;
SELECT action, relation, rows_restored, message
FROM paliad_backup.restore('$id', sheets => '{paliad.holidays}');
SELECT action, relation, rows_restored, message
FROM paliad_backup.restore('$id', sheets => '{paliad.holidays}', dry_run => false, checkpoint => false);
SQL

heading 'Where it lies'
echo "bundle    $bundle"
echo "unpacked  $root/build/demo/unpacked"
echo 'database  make demo-psql'
