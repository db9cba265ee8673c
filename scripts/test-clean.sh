#!/usr/bin/env bash
# Shows that demo and test need nothing but Rust and make: runs each twice in a bare Debian 12 in build/clean-root.
# Only the files that git tracks are taken. Needs root. Times and output go to build/test-clean.log.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

((EUID == 0)) || die 'debootstrap and chroot need root'
clean=$build/clean-root
log=$build/test-clean.log
rust_home=${CARGO_HOME:-$HOME/.cargo}

bare_debian() {
    rm -rf --one-file-system "$clean"
    debootstrap --variant=minbase --include=make,ca-certificates bookworm "$clean" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}"
    cp /etc/resolv.conf /etc/hosts "$clean/etc/"
    # Certificates of a local mirror or proxy, and how apt and cargo reach theirs, belong to the network.
    cp /etc/ssl/certs/ca-certificates.crt "$clean/etc/ssl/certs/"
    # No service may start in a chroot.
    printf '#!/bin/sh\nexit 101\n' >"$clean/usr/sbin/policy-rc.d"
    chmod 755 "$clean/usr/sbin/policy-rc.d"
}

# The toolchain itself, without rustup: only what `cargo` needs, and how it reaches its registry.
toolchain() {
    local sysroot
    sysroot=$(rustc --print sysroot)
    mkdir -p "$clean/opt/rust" "$clean/root/.cargo"
    tar -C "$sysroot" --exclude=./share/doc -cf - . | tar -C "$clean/opt/rust" -xf -
    for file in config.toml config; do
        if [[ -f $rust_home/$file ]]; then cp "$rust_home/$file" "$clean/root/.cargo/"; fi
    done
}

sources() {
    mkdir -p "$clean/root/paliad_backup"
    git ls-files -z | tar --null -T - -cf - | tar -C "$clean/root/paliad_backup" -xf -
}

# Mounts and processes live in namespaces of their own and go with them, however this ends.
# shellcheck disable=SC2016 # $0 and $1 are the inner shell's.
inside() {
    unshare --mount --pid --fork --kill-child bash -c '
        set -e
        mount --make-rprivate /
        mount -t proc proc "$0/proc"
        mount --rbind /dev "$0/dev"
        exec chroot "$0" env -i HOME=/root TERM=dumb LANG=C.UTF-8 \
            PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            bash -c "cd /root/paliad_backup && $1"' "$clean" "$1"
}

scripts/deps.sh test-clean
mkdir -p "$build"
{
    heading 'A bare Debian 12'
    bare_debian
    toolchain
    sources
    for step in demo test 'demo # again' 'test # again'; do
        heading "make $step"
        begin=$SECONDS
        inside "make $step"
        heading "make $step: succeeded after $((SECONDS - begin)) s"
    done
    summary=$(grep -E '^== make .* succeeded|^[0-9]+ passed, |^skipped: ' "$log")
    heading 'Summary'
    echo "$summary"
} 2>&1 | tee "$log"
