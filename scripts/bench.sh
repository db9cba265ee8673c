#!/usr/bin/env bash
# Builds, starts a throwaway cluster and runs scripts/bench/main.py in it: our figures beside those of PostgreSQL's own programs.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

scripts/deps.sh test
install_extension
scripts/cluster.sh drop bench
scripts/cluster.sh start bench 'max_wal_size = 8GB'
trap 'scripts/cluster.sh drop bench' EXIT
cluster=$(scripts/cluster.sh path bench)
mkdir -p build/bench
python3 scripts/bench/main.py --bindir "$(pg_config --bindir)" --socket "$cluster/socket" --port "$port" \
    --backups "$cluster/backups" --output build/bench "$@"
