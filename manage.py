#!/usr/bin/env python
"""The operator's command: `manage.py serve`, `migrate`, `invite`, `rotate_token_key` and the rest."""

import os
import sys


def main() -> None:
    # Whatever is made here, database and root key above all, is for this user alone.
    os.umask(0o077)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hvx.settings")
    from hvx.serving import lean

    with lean.importing():
        import django
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import CommandError, execute_from_command_line
        from django.db import OperationalError, ProgrammingError
        from environs import EnvError

        from hvx.backup import place
        from vault.errors import Sealed
        from vault.memory import core_dumps_off
        from vault.sqlcipher.errors import WrongDatabase

    # Any command may come to hold the root key.
    core_dumps_off()
    if sys.stdin.isatty() and sys.argv[1:2] != ["serve"]:
        # A command may ask whoever started it; a server waits for `vault unseal` instead.
        from vault import keys
        from vault.verbs.asking import at_terminal

        keys.ask_with(at_terminal)
    try:
        if sys.argv[1:2] != ["restore"] and sys.argv[1:3] != ["vault", "status"]:
            place.require_none_under_way()
        if sys.argv[1:2] == ["serve"]:
            # Its process is the server's master, which has no use for any application of Django's.
            from hvx.management.commands.serve import Command

            Command().run_from_argv(sys.argv)
        else:
            with lean.importing():
                django.setup()
            execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, EnvError) as error:
        # A setting is wrong: its sentence is what the operator needs, not a traceback.
        sys.exit(f"hvx: {error}")
    except CommandError as error:
        sys.exit(f"hvx: {error}")
    except Sealed as error:
        sys.exit(f"hvx: the vault does not open: {error}")
    except WrongDatabase as error:
        sys.exit(f"hvx: {error}")
    except (OperationalError, ProgrammingError) as error:
        # Its first line names what is missing; the driver puts no password into it.
        reason = str(error).partition("\n")[0]
        sys.exit(f"hvx: the database refuses: {reason} (is it there, and has manage.py migrate been run?)")


if __name__ == "__main__":
    main()
