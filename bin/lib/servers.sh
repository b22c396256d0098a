# The two servers of bin/run: a private PostgreSQL cluster and nginx, both
# living in one directory.  Sourced after base.sh by a command that has set
# `dir` (absolute); its functions set
#
#   owner    the user both run as, since PostgreSQL refuses to be root
#
# and, where root starts them, nothing is written as root into a directory that
# owner can write: it could hold a link to anywhere.  Those are home/pg and
# socket; what is in them is written as owner.
#
#   home     where they live: dir, or what dir/home is a link to
#   socket   the directory of PostgreSQL's socket

nginx=/usr/sbin/nginx

# settle: finds owner and home; makes nothing
settle() {
    owner=$(id -un)
    as_owner=()

    if [ "$(id -u)" = 0 ]; then
        owner=$(stat -L -c %U "$dir/home/pg" "$dir/pg" 2> /dev/null || true)
        [ -n "$owner" ] || owner=nobody
        as_owner=(setpriv --reuid="$owner" --regid="$(id -g "$owner")"
                  --clear-groups env HOME=/nonexistent)
    fi

    home=$(realpath -m "$dir/home")
    [ -L "$dir/home" ] || home=$dir
    socket=$(realpath -m "$home/socket")
}

# away LINK: a new directory that owner can enter, and a link to it
away() {
    local new
    new=$(mktemp -d /var/tmp/results.XXXXXX)
    chmod 755 "$new"
    ln -sfn "$new" "$1"
    say "$1 is a link to $new, since $2"
}

# write FILE: standard input becomes a file of owner's, never what a link leads
# to
write() {
    "${as_owner[@]}" sh -c 'rm -f "$1" && cat > "$1"' sh "$1"
}

# ours DIR...: those that are there belong to who runs this
ours() {
    local place
    for place; do
        [ ! -e "$place" ] || [ -O "$place" ] ||
            die "$place belongs to $(stat -L -c %U "$place"): run this as" \
                "that user, or choose another --dir"
    done
}

# furnish: makes home and the socket directory
furnish() {
    ours "$dir" "$home" "$home/modules"

    if [ ! -d "$home" ] || ! "${as_owner[@]}" test -x "$home"; then
        away "$dir/home" "the user $owner can't enter $dir"
        settle
    fi

    if [ ! -d "$socket" ]; then
        # sun_path has 108 bytes, and conninfo is no place for odd characters
        if [ ${#socket} -le 80 ] && [[ $socket != *[^A-Za-z0-9/._-]* ]]; then
            mkdir -m 700 "$socket"
            [ ${#as_owner[@]} = 0 ] || chown "$owner" "$socket"
        else
            away "$home/socket" "its own path does not suit a socket"
            settle
            chmod 700 "$socket"
            [ ${#as_owner[@]} = 0 ] || chown "$owner" "$socket"
        fi
    fi

    mkdir -p "$home/modules"
}

postgres_bin() {
    local found
    found=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -1)
    printf '%s' "${found%/*}"
}

postgres_runs() {
    [ -f "$home/pg/postmaster.pid" ] &&
        "${as_owner[@]}" "$(postgres_bin)/pg_ctl" -D "$home/pg" status \
            > /dev/null 2>&1
}

# start_postgres: makes the cluster where there is none, and starts it
start_postgres() {
    local bin version made_by
    bin=$(postgres_bin)
    version=$("$bin/postgres" --version | sed 's/.* \([0-9]*\)\..*/\1/')

    if [ ! -f "$home/pg/PG_VERSION" ]; then
        say "making a PostgreSQL cluster in $home/pg"
        rm -rf "$home/pg"
        mkdir -m 700 "$home/pg"
        [ ${#as_owner[@]} = 0 ] || chown "$owner" "$home/pg"
        try "$dir/initdb.log" initdb "${as_owner[@]}" "$bin/initdb" \
            -D "$home/pg" -U postgres -A trust -E UTF8 --locale=C
        "${as_owner[@]}" sh -c 'echo "include '\''results.conf'\''" >> "$1"' \
            sh "$home/pg/postgresql.conf"
    fi

    made_by=$("${as_owner[@]}" cat "$home/pg/PG_VERSION")
    [ "$made_by" = "$version" ] ||
        die "$home/pg is of PostgreSQL $made_by," \
            "this system has $version: choose another --dir"

    ! postgres_runs || return 0

    # reached by its socket only, and that by its owner only
    write "$home/pg/results.conf" <<END
listen_addresses = ''
unix_socket_directories = '$socket'
port = 5432
shared_preload_libraries = 'pg_stat_statements'
END
    say "starting PostgreSQL"
    try "$dir/postgres-start.log" "starting PostgreSQL" \
        "${as_owner[@]}" "$bin/pg_ctl" -D "$home/pg" -s -w \
            -l "$home/pg/server.log" start
}

stop_postgres() {
    ! postgres_runs ||
        "${as_owner[@]}" "$(postgres_bin)/pg_ctl" -D "$home/pg" -s -m fast stop
}

# sql [psql's arguments]: as the cluster's superuser
sql() {
    psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$socket" -U postgres "$@"
}

# pids of our nginx: master and workers, also those a killed master left
nginx_pids() {
    local process name fd

    for process in /proc/[0-9]*; do
        { read -r name < "$process/comm"; } 2> /dev/null || continue
        [ "$name" = nginx ] || continue

        for fd in "$process"/fd/*; do
            if [ "$(readlink "$fd")" = "$home/error.log" ]; then
                echo "${process#/proc/}"
                break
            fi
        done
    done
}

nginx_runs() {
    [ -f "$home/nginx.pid" ] &&
        grep -qx "$(< "$home/nginx.pid")" <<< "$(nginx_pids)"
}

# start_nginx MODULE PORT: with examples/demo.conf
start_nginx() {
    local user=()

    ln -sfn "$1" "$home/modules/ngx_http_results_module.so"
    sed -e "s|127\.0\.0\.1:8080|127.0.0.1:$2|" \
        -e "s|host=/run/postgresql|host=$socket|" \
        "$root/examples/demo.conf" > "$home/nginx.conf"

    [ "$(id -u)" != 0 ] || user=(-g "user $owner $(id -gn "$owner");")

    say "starting nginx"
    try "$dir/nginx-start.log" "starting nginx" \
        $nginx -p "$home" -e "$home/error.log" -c "$home/nginx.conf" \
            "${user[@]}"
}

# each signal gets its time; QUIT lets requests end
stop_nginx() {
    local signal pids i

    for signal in QUIT TERM KILL; do
        for ((i = 0; i < 100; i++)); do
            pids=$(nginx_pids)
            [ -n "$pids" ] || return 0
            [ $i -gt 0 ] || kill -$signal $pids 2> /dev/null || true
            sleep 0.1
        done
    done

    die "nginx does not stop: $pids"
}
