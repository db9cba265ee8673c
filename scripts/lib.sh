# shellcheck shell=bash disable=SC2034 # The variables are for the scripts that source this.
# Sourced by the scripts beside it: where things are, and how the server's programs are run.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
build=$root/build
cd "$root"

# Clusters listen on no address: the port only names the socket file, and is never the default server's.
port=54329

# A client's own settings must not change what the scripts see.
unset PGOPTIONS PGSERVICE PGCLIENTENCODING PGDATABASE PGHOST PGPORT PGUSER

pg_config() {
    local program=${PG_CONFIG:-/usr/lib/postgresql/15/bin/pg_config}
    [[ -n ${PG_CONFIG:-} || -x $program ]] || program=$(type -P pg_config) || die 'no pg_config: run make deps'
    "$program" "$@"
}

heading() { printf '\n== %s ==\n' "$*"; }

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Runs a program as the user who owns the server's files, since PostgreSQL refuses to run as root. With RUST_BACKTRACE
# in the server's environment the tests see that no error has a backtrace. Descriptor 9 is the lock of test.sh.
as_server() {
    if ((EUID == 0)); then
        (cd / && exec runuser -u postgres -- env RUST_BACKTRACE=1 "$@" 9>&-)
    else
        env RUST_BACKTRACE=1 "$@" 9>&-
    fi
}

# Builds the extension and puts it where the server looks, when what lies there is not the same already.
install_extension() {
    make --no-print-directory build
    local library=${CARGO_TARGET_DIR:-target}/release/libpaliad_backup.so lib share file same=true
    lib=$(pg_config --pkglibdir) share=$(pg_config --sharedir)/extension
    cmp -s "$library" "$lib/paliad_backup.so" || same=false
    for file in paliad_backup.control build/paliad_backup--*.sql; do
        cmp -s "$file" "$share/${file##*/}" || same=false
    done
    if $same; then return; fi
    if [[ -w $lib && -w $share ]]; then
        make --no-print-directory install-files
    elif type -P sudo >/dev/null; then
        sudo make --no-print-directory install-files ${PG_CONFIG:+"PG_CONFIG=$PG_CONFIG"} \
            "CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-}"
    else
        die "the extension must be installed by root, type: su -c 'make -C $root install-files'"
    fi
}
