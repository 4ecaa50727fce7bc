#!/usr/bin/env python
"""The operator's command: `manage.py serve`, `migrate`, `invite`, `rotate_token_key` and the rest."""

import os
import sys


def main() -> None:
    # Whatever is made here, database and root key above all, is for this user alone.
    os.umask(0o077)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hvx.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from environs import EnvError

    try:
        execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, EnvError) as error:
        # A setting is wrong: its sentence is what the operator needs, not a traceback.
        sys.exit(f"hvx: {error}")


if __name__ == "__main__":
    main()
