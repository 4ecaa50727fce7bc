#!/usr/bin/env bash
# fedify.sh COMMAND…: runs the command beside peers built on Fedify, which tests/peers/fedify/ makes on request.
# HVX_TEST_FEDIFY_URL tells where. npm brings what the lock file names, Node.js among it, to a cache folder.
set -euo pipefail
. "$(dirname "$0")/apt.sh"
need_package npm npm
need_package flock util-linux
peer=$(realpath "$(dirname "$0")/../../tests/peers/fedify")

lock=$(cat "$peer"/package*.json | sha256sum | cut -c1-16)
packages=${XDG_CACHE_HOME:-$HOME/.cache}/hvx/fedify-$lock
mkdir -p "$packages"
(
    # Two runs may begin at once.
    flock 9
    if [ ! -e "$packages/complete" ]; then
        cp "$peer"/package.json "$peer"/package-lock.json "$packages"
        (cd "$packages" && npm ci --no-audit --no-fund --ignore-scripts --loglevel error) >&2
        touch "$packages/complete"
    fi
) 9>"$packages/lock"

folder=$(mktemp -d)
cp "$peer"/*.js "$packages/package.json" "$folder"
ln -s "$packages/node_modules" "$folder/node_modules"
port=$(free_port)
HVX_FEDIFY_PORT=$port "$packages/node_modules/.bin/node" "$folder/main.js" >"$folder/log" 2>&1 &
server=$!
end() {
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    rm -rf "$folder"
}
trap end EXIT

for _ in $(seq 300); do
    if (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        export HVX_TEST_FEDIFY_URL=http://127.0.0.1:$port
        "$@"
        exit
    fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
done
echo "The peers did not start:" >&2
cat "$folder/log" >&2
exit 1
