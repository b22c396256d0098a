# The two servers of bin/run: a private PostgreSQL cluster and nginx, both
# living in one directory.  Sourced after base.sh by a command that has set
# `dir` (absolute); its functions set
#
#   owner    the user both run as, since PostgreSQL refuses to be root
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

# away LINK: a new directory that owner can reach, and a link to it
away() {
    local new
    new=$(mktemp -d /var/tmp/results.XXXXXX)
    [ ${#as_owner[@]} = 0 ] || chown "$owner" "$new"
    ln -sfn "$new" "$1"
    say "$1 is a link to $new, since $2"
}

# furnish: makes home and the socket directory
furnish() {
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
    local bin version
    bin=$(postgres_bin)
    version=$("$bin/postgres" --version | sed 's/.* \([0-9]*\)\..*/\1/')

    if [ ! -f "$home/pg/PG_VERSION" ]; then
        say "making a PostgreSQL cluster in $home/pg"
        rm -rf "$home/pg"
        mkdir -m 700 "$home/pg"
        [ ${#as_owner[@]} = 0 ] || chown "$owner" "$home/pg"
        try "$dir/initdb.log" initdb "${as_owner[@]}" "$bin/initdb" \
            -D "$home/pg" -U postgres -A trust -E UTF8 --locale=C
        echo "include 'results.conf'" >> "$home/pg/postgresql.conf"
    fi

    [ "$(< "$home/pg/PG_VERSION")" = "$version" ] ||
        die "$home/pg is of PostgreSQL $(< "$home/pg/PG_VERSION")," \
            "this system has $version: choose another --dir"

    ! postgres_runs || return 0

    # reached by its socket only, and that by its owner only
    cat > "$home/pg/results.conf" <<END
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
    local pid
    { find /proc/[0-9]*/fd -lname "$home/error.log" 2> /dev/null || true; } |
        cut -d / -f 3 | sort -u |
        while read -r pid; do
            [ "$(cat "/proc/$pid/comm" 2> /dev/null)" != nginx ] || echo "$pid"
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
