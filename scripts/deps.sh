#!/usr/bin/env bash
# Installs the Debian packages that are missing: for demo (no argument), for test, or for test-clean.
# Without a missing package it asks nobody and changes nothing.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

packages=(autoconf automake ca-certificates clang gcc libc6-dev libclang-dev libtool make nasm postgresql-15
    postgresql-15-cron postgresql-server-dev-15 unzip)
case ${1:-demo} in
demo) ;;
test) packages+=(libreoffice-calc-nogui p7zip-full python3 python3-openpyxl) ;;
test-clean) packages=(debootstrap) ;;
*) die 'demo, test or test-clean' ;;
esac

if ! type -P dpkg-query >/dev/null; then
    echo "deps: this is no Debian; what Debian calls ${packages[*]} must be there" >&2
    exit 0
fi

installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

missing=()
for package in "${packages[@]}"; do
    installed "$package" || missing+=("$package")
done
((${#missing[@]})) || exit 0

commands=('apt-get -q update')
get='apt-get -q install -y --no-install-recommends'
if ! installed postgresql-common && [[ " ${missing[*]} " == *' postgresql-15 '* ]]; then
    # Debian would make and start a cluster "main" on port 5432 that nobody here asked for.
    commands+=("$get postgresql-common"
        "sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf")
fi
commands+=("$get ${missing[*]}")
script="export DEBIAN_FRONTEND=noninteractive"
for command in "${commands[@]}"; do script+=" && $command"; done

if ((EUID == 0)); then
    bash -c "$script"
elif type -P sudo >/dev/null; then
    echo "deps: installing with sudo: ${missing[*]}"
    sudo bash -c "$script"
else
    printf 'deps: packages are missing and there is no sudo; as root, type:\n  %s\n' "$script" >&2
    exit 1
fi
