#!/usr/bin/env bash
# programs.sh COMMAND…: runs the command on a machine that has the programs which tests call themselves.
set -euo pipefail
. "$(dirname "$0")/apt.sh"
need_package gpg gnupg
need_package nginx nginx-light
need_package gcore gdb
need_package systemd-analyze systemd
need_package chromium chromium
exec "$@"
