#!/usr/bin/env bash
# postgres.sh COMMAND…: runs the command beside a throwaway PostgreSQL on a free loopback port.
# HVX_TEST_POSTGRES_URL tells where; the cluster goes when the command ends. Durability is off.
set -euo pipefail
. "$(dirname "$0")/apt.sh"
newest() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1; }
if [ -z "$(newest)" ]; then need_package pg_ctlcluster postgresql; fi
PATH=$(newest):$PATH

folder=$(mktemp -d)
port=$(free_port)
# PostgreSQL refuses to run as root; Debian's package has made this user for it.
as_owner=()
if [ "$(id -u)" = 0 ]; then
    chown postgres "$folder"
    as_owner=(runuser -u postgres --)
fi
cluster() { (cd "$folder" && "${as_owner[@]}" "$(command -v "$1")" "${@:2}"); }
end() {
    cluster pg_ctl stop --silent --mode immediate -D "$folder/cluster" || true
    rm -rf "$folder"
}
trap end EXIT

cluster initdb --auth trust --username hvx --encoding UTF8 --no-sync -D "$folder/cluster" >/dev/null
if ! cluster pg_ctl start --silent --wait -D "$folder/cluster" --log "$folder/log" -o "-p $port \
    -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300 \
    -c fsync=off -c synchronous_commit=off -c full_page_writes=off"; then
    cat "$folder/log" >&2
    exit 1
fi
export HVX_TEST_POSTGRES_URL=postgresql://hvx@127.0.0.1:$port/hvx
"$@"
