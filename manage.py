#!/usr/bin/env python
"""The operator's command: `manage.py serve`, `migrate`, `invite`, `rotate_token_key` and the rest."""

import os
import sys


def main() -> None:
    # Whatever is made here, database and root key above all, is for this user alone.
    os.umask(0o077)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hvx.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
