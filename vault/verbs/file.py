"""Encrypt or decrypt an operator's own file with a key of the ring."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.protocol.encoding import lp
from vault import keyring
from vault.envelope import EnvelopeKey
from vault.errors import CannotOpen
from vault.stream import CHUNK, SealedWriter, Sink, opened
from vault.verbs import asking
from vault.verbs.asking import Asking
from vault.whole import whole_file

NAME = "file"
CONTEXT = lp("file")


def add_to(parser: CommandParser) -> None:
    parser.add_argument("what", choices=["encrypt", "decrypt"])
    parser.add_argument("source", metavar="IN", help="a file, or - for standard input")
    parser.add_argument("target", metavar="OUT", help="a file, or - for standard output")
    parser.add_argument("--force", action="store_true", help="replace OUT if it is there")
    asking.add_to(parser)


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    if options["stdin"] and options["source"] == "-":
        raise CommandError("standard input cannot bring both the file and what opens the vault: use --fd.")
    Asking(command, options).opened()
    work = _encrypt if options["what"] == "encrypt" else _decrypt
    try:
        with ExitStack() as stack:
            source = stack.enter_context(_source(options["source"]))
            target = stack.enter_context(_target(options["target"], replace=options["force"]))
            work(source, target)
    except CannotOpen as error:
        raise CommandError(f"{error}. {_left_behind(options['target'])}") from None
    except FileExistsError:
        raise CommandError(f"{options['target']} is there already; --force replaces it.") from None
    except OSError as error:
        raise CommandError(f"{error.filename or options['target']}: {error.strerror}") from None


def _encrypt(source: BinaryIO, target: Sink) -> None:
    writer = SealedWriter(target, keyring.active(keyring.FILES), CONTEXT)
    while data := source.read(CHUNK):
        writer.write(data)
    writer.finish()


def _decrypt(source: BinaryIO, target: Sink) -> None:
    def named(wrapped: bytes) -> EnvelopeKey:
        return keyring.named_by(keyring.FILES, wrapped)

    for plaintext in opened(source, named, CONTEXT):
        target.write(plaintext)


def _left_behind(target: str) -> str:
    """What an error leaves of the target."""
    if target == "-":
        return "What was written to standard output before this is not the whole file: throw it away."
    return "Nothing was written."


@contextmanager
def _source(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdin.buffer
    else:
        with open(name, "rb") as file:
            yield file


@contextmanager
def _target(name: str, *, replace: bool) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        with whole_file(Path(name), replace=replace) as file:
            yield file
