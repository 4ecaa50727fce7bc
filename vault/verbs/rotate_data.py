"""Seal every value anew under a new data key, while the server runs, and destroy the older key.

Cut off anywhere, by Ctrl-C or worse, it loses nothing, and the next run goes on with it.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from rich.progress import Progress

from audit.errors import AuditUnavailable
from vault import rotation
from vault.errors import Sealed
from vault.resealing import Batch, Count, sealed_tables
from vault.verbs import asking

NAME = "rotate-data"


def add_to(parser: CommandParser) -> None:
    parser.add_argument("--json", action="store_true", help="progress and proof as JSON, an object a line")
    asking.add_to(parser)


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    try:
        asking.open_and_join(command, options)
        with _progress(command, as_json=options["json"]) as on_batch:
            proof = rotation.rotate(
                on_batch=on_batch, on_take_up=partial(_tell_of_waiting, command, as_json=options["json"])
            )
    except KeyboardInterrupt:
        raise CommandError("stopped; the next run goes on with it", returncode=130) from None
    except Sealed as error:
        raise CommandError(f"the vault does not open: {error}") from None
    except (rotation.NotProven, AuditUnavailable) as error:
        raise CommandError(f"no key was destroyed: {error}") from None
    except DatabaseError as error:
        # Not its text, which may show a value.
        raise CommandError(
            f"the database refused ({type(error).__name__}); the next run goes on with it"
        ) from None
    _show(command, proof, as_json=options["json"])


@contextmanager
def _progress(command: BaseCommand, *, as_json: bool) -> Iterator[Callable[[Batch], None]]:
    if as_json:
        yield lambda batch: _line(
            command, event="progress", table=str(batch.table), rows=batch.rows, resealed=batch.resealed
        )
    elif command.stdout.isatty():
        with Progress() as progress:
            # A table without rows has no batch, and its bar would stand at nothing for ever.
            bars = {
                str(table): progress.add_task(str(table), total=rows)
                for table in sealed_tables()
                if (rows := table.rows())
            }

            def advance(batch: Batch) -> None:
                name = str(batch.table)
                if name not in bars:
                    bars[name] = progress.add_task(name, total=batch.rows)
                progress.advance(bars[name], batch.rows)

            yield advance
    else:
        yield lambda batch: command.stdout.write(
            f"{batch.table}: {batch.rows} rows, {batch.resealed} values sealed anew"
        )


def _tell_of_waiting(command: BaseCommand, seconds: float, *, as_json: bool) -> None:
    if as_json:
        _line(command, event="waiting", seconds=round(seconds, 1))
    else:
        command.stdout.write(f"Waiting {seconds:.1f} s, until every server seals under the new key.")


def _show(command: BaseCommand, proof: list[Count], *, as_json: bool) -> None:
    for count in proof:
        if as_json:
            _line(
                command,
                event="proof",
                table=count.table,
                column=count.column,
                key=count.key_id.hex(),
                generation=count.generation,
                values=count.values,
            )
        else:
            key = f"key {count.key_id.hex()}, generation {count.generation}"
            command.stdout.write(f"{count.table}.{count.column}: {count.values} values under {key}")
    if as_json:
        _line(command, event="done")
    else:
        command.stdout.write("Nothing stands under an older key; the older keys are destroyed.")


def _line(command: BaseCommand, **fields: object) -> None:
    command.stdout.write(json.dumps(fields))
