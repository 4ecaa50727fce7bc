"""How an operator's command speaks with the server that runs on a data folder.

A request is one JSON object on a line, of at most 8 KiB, sent to the socket `control.sock` of the data
folder; the answers are such lines too, the last of which is the outcome. The socket is for the server's
own user: its mode is 0600, and the server looks at who is at the other end as well.
"""

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAME = "control.sock"
LONGEST = 8 * 1024


class NoServer(Exception):
    """No server runs on this data folder."""


@contextlib.contextmanager
def short_name(data_dir: Path) -> Iterator[str]:
    """Give the socket a name that fits: a socket's address has room for 107 bytes, a path may be longer."""
    directory = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{NAME}"
    finally:
        os.close(directory)


def ask(data_dir: Path, **request: Any) -> Iterator[dict[str, Any]]:
    """Send a request and give the answers as they come; the last is the outcome. Raises NoServer."""
    with socket.socket(socket.AF_UNIX) as line:
        try:
            with short_name(data_dir) as name:
                line.connect(name)
            line.sendall(json.dumps(request).encode() + b"\n")
        except (FileNotFoundError, ConnectionRefusedError, BrokenPipeError, ConnectionResetError):
            raise NoServer(
                f"no server runs on {data_dir}: manage.py serve starts one, sealed or not."
            ) from None
        with line.makefile("rb") as answers:
            try:
                for answer in answers:
                    yield json.loads(answer)
            except ConnectionResetError:
                return


def outcome(data_dir: Path, **request: Any) -> dict[str, Any]:
    """Send a request and return its outcome alone. Raises NoServer."""
    answers = list(ask(data_dir, **request))
    return answers[-1] if answers else {"error": "the server ended before it answered"}
