# What every command of bin/ stands on: where the project is, how it talks,
# and the Debian packages it needs.  Sourced, never run.

set -euo pipefail
shopt -s nullglob
export LC_ALL=C

# servers run as nobody where root starts them
umask 022

# where Debian has servers, and users do not look
export PATH=$PATH:/usr/sbin:/sbin

me=${0##*/}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)

say() {
    printf '%s: %s\n' "$me" "$*" >&2
}

die() {
    say "$*"
    exit 1
}

# try LOG WHAT COMMAND...: quiet when it works, its last words when it fails
try() {
    local log=$1 what=$2
    shift 2
    "$@" > "$log" 2>&1 && return
    tail -n 30 "$log" >&2
    die "$what failed; all of its output is in $log"
}

build_packages=(
    gcc make libc6-dev nginx nginx-dev libjansson-dev libpq-dev libssl-dev
)

server_packages=(
    postgresql curl
)

test_packages=(
    clang clang-tidy cppcheck libcmocka-dev perl libdbd-pg-perl libprotocol-http2-perl
    libjson-validator-perl libio-socket-ssl-perl libxml-libxml-perl openssl
    pgbouncer strace
)

# need PACKAGE...: installs those that are missing, and only then needs root
need() {
    local missing=() installed package as_root=()

    command -v dpkg-query > /dev/null ||
        die "this is no Debian system; install the likes of: $*"

    installed=$(dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' "$@" \
                    2> /dev/null || true)

    for package; do
        grep -q "^$package ii" <<< "$installed" || missing+=("$package")
    done

    [ ${#missing[@]} -gt 0 ] || return 0

    if [ "$(id -u)" != 0 ]; then
        command -v sudo > /dev/null ||
            die "packages are missing, and there is no sudo to install" \
                "them: ${missing[*]}"
        as_root=(sudo)
    fi

    say "installing ${missing[*]} (takes a minute or two)"
    "${as_root[@]}" "$root/bin/lib/install" "${missing[@]}" ||
        die "could not install ${missing[*]}"
}

# build_dir FLAVOUR: where that flavour's build is, for these RESULTS_CFLAGS
build_dir() {
    local hash=
    [ -z "${RESULTS_CFLAGS:-}" ] ||
        hash=-$(sha256sum <<< "$RESULTS_CFLAGS" | cut -c 1-8)
    printf '%s' "$root/.build/$1$hash"
}
