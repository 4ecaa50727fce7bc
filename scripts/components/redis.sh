#!/usr/bin/env bash
# redis.sh COMMAND…: runs the command beside a throwaway Redis on a free loopback port.
# HVX_TEST_REDIS_URL tells where; the server and its folder go when the command ends.
set -euo pipefail
. "$(dirname "$0")/apt.sh"
need_package redis-server redis-server

folder=$(mktemp -d)
port=$(free_port)
redis-server --bind 127.0.0.1 --port "$port" --dir "$folder" --databases 1024 --save '' --appendonly no \
    --daemonize no >"$folder/log" 2>&1 &
server=$!
end() {
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    rm -rf "$folder"
}
trap end EXIT

for _ in $(seq 100); do
    if [ "$(redis-cli -p "$port" ping 2>/dev/null)" = PONG ]; then
        export HVX_TEST_REDIS_URL=redis://127.0.0.1:$port
        "$@"
        exit
    fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
done
echo "Redis did not start:" >&2
cat "$folder/log" >&2
exit 1
