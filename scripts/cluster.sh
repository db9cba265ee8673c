#!/usr/bin/env bash
# Throwaway PostgreSQL clusters, reached by a Unix socket only. Each has a directory of its own, with
# data/, socket/, backups/ (for paliad_backup.directory, which must lie outside data/) and the server's log.
#
#   cluster.sh start NAME [setting = value]...   makes the cluster where there is none; the settings are its own
#   cluster.sh fresh NAME [setting = value]...   the same with a system identifier of its own, as another server has
#   cluster.sh standby NAME PRIMARY              makes a hot standby of another cluster, and starts it
#   cluster.sh stop NAME [smart|fast|immediate]
#   cluster.sh drop NAME                         stops it, removes its directory
#   cluster.sh path NAME                         prints its directory
#   cluster.sh psql NAME DATABASE [argument]...
#   cluster.sh clean                             drops all clusters
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Prints the directory of all clusters. It is build/clusters where the server's user can reach that (a clone may lie
# in root's own directory) and the socket's path stays below the system's limit of 107 bytes; else a directory in
# /tmp that build/clusters points to.
clusters() {
    local place=$build/clusters
    if [[ ! -d $place ]]; then
        mkdir -p "$build"
        rm -f "$place"
        if ((${#place} <= 60)) && as_server test -x "$build"; then
            mkdir "$place"
        else
            ln -s "$(mktemp -d /tmp/paliad_backup.XXXXXX)" "$place"
        fi
        # Closed to others: whoever reaches a socket is trusted.
        chmod 700 "$place/."
        if ((EUID == 0)); then chown postgres: "$place/."; fi
    fi
    realpath "$place"
}

initialise() { # data directory
    as_server "$bindir/initdb" -D "$1" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
}

# Prints the data directory of a fresh cluster that others are copied from: initdb takes longer than a copy.
template() {
    local version place
    version=$(pg_config --version)
    version=${version#* }
    place=$(clusters)/template-${version%% *}
    if [[ ! -d $place ]]; then
        initialise "$place.$$"
        as_server mv -T "$place.$$" "$place"
    fi
    echo "$place"
}

create() {
    local source
    as_server mkdir -p -m 700 "$dir" "$dir/socket" "$dir/backups"
    if [[ $command == fresh ]]; then
        initialise "$dir/data.new"
    else
        source=$(template)
        as_server cp -a "$source" "$dir/data.new"
    fi
    printf '%s\n' "port = $port" "listen_addresses = ''" "unix_socket_directories = '$dir/socket'" \
        "fsync = off" "max_worker_processes = 16" "lc_messages = 'C'" "timezone = 'UTC'" \
        "log_line_prefix = '%m [%p] %q%u@%d '" \
        "shared_preload_libraries = 'pg_cron'" "cron.use_background_workers = on" "$@" |
        as_server tee -a "$dir/data.new/postgresql.conf" >/dev/null
    as_server mv -T "$dir/data.new" "$dir/data"
}

running() { as_server "$bindir/pg_ctl" status -D "$dir/data" >/dev/null 2>&1; }

start() {
    [[ -d $dir/data ]] || create "$@"
    running || as_server "$bindir/pg_ctl" start -w -s -D "$dir/data" -l "$dir/log" || {
        tail -n 20 "$dir/log" >&2
        die "cluster $name does not start"
    }
}

fresh() { start "$@"; }

standby() { # primary
    as_server mkdir -p -m 700 "$dir" "$dir/socket" "$dir/backups"
    as_server "$bindir/pg_basebackup" -h "$(clusters)/$1/socket" -p "$port" -U postgres -D "$dir/data" -R -c fast --no-sync
    echo "unix_socket_directories = '$dir/socket'" | as_server tee -a "$dir/data/postgresql.conf" >/dev/null
    start
}

stop() {
    if running; then as_server "$bindir/pg_ctl" stop -w -s -D "$dir/data" -m "${1:-fast}"; fi
}

drop() {
    if [[ -d $dir/data ]]; then stop immediate; fi
    rm -rf --one-file-system "$dir"
    # In /tmp nothing is left behind, for the clone may be gone tomorrow.
    if [[ -L $build/clusters ]] && ! find "$build/clusters/" -mindepth 1 -maxdepth 1 ! -name 'template-*' | grep -q .; then
        rm -rf --one-file-system "$(clusters)" "$build/clusters"
    fi
}

clean() {
    [[ -d $build/clusters ]] || return 0
    local all
    all=$(clusters)
    for dir in "$all"/*/; do
        dir=${dir%/}
        if [[ -d $dir/data ]]; then stop immediate; fi
    done
    rm -rf --one-file-system "$all" "$build/clusters"
}

command=${1:-} name=${2:-}
if [[ $command != clean ]]; then
    # The name is part of the socket's path.
    [[ $name =~ ^[a-z][a-z0-9_-]{0,23}$ ]] || die "a cluster's name has at most 24 of a-z, 0-9, _ and -, not '$name'"
    dir=$(clusters)/$name
    shift 2
fi
bindir=$(pg_config --bindir)
case $command in
start | fresh | standby | stop | drop) "$command" "$@" ;;
clean) clean ;;
path) echo "$dir" ;;
psql) exec "$bindir/psql" -X -v ON_ERROR_STOP=1 -h "$dir/socket" -p "$port" -U postgres -d "$@" ;;
*) die 'start, fresh, standby, stop, drop, path, psql or clean' ;;
esac
