# Sourced: `need_package PROGRAM PACKAGE` installs Debian's package if the program is not there;
# `install_package PACKAGE` does it in any case.
# Debian starts a service as soon as it is installed; policy-rc.d says no, for tests start their own.

export PATH=$PATH:/usr/sbin:/sbin

need_package() {
    local program=$1 package=$2
    if command -v "$program" >/dev/null; then return; fi
    install_package "$package"
    command -v "$program" >/dev/null || { echo "$package brought no $program" >&2; exit 1; }
}

install_package() {
    local package=$1 policy=/usr/sbin/policy-rc.d made_policy='' status=0
    if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
        echo "$package is missing. Install it (on Debian: apt-get install $package) and come again." >&2
        exit 1
    fi
    echo "Installing $package" >&2
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
        made_policy=1
    fi
    local install=(apt-get install --yes --quiet --no-install-recommends "$package")
    export DEBIAN_FRONTEND=noninteractive
    # A first failure may only mean that the package lists are missing or old.
    "${install[@]}" >/dev/null 2>&1 || { apt-get update --quiet && "${install[@]}"; } >&2 || status=$?
    if [ -n "$made_policy" ]; then rm -f "$policy"; fi
    [ "$status" = 0 ] || exit "$status"
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
