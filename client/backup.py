"""The user's own back-up of the account key: a file, encrypted by a passphrase or in clear."""

import os
from collections.abc import Callable
from pathlib import Path

from client.faults import Fault, KeyFault
from client.gnupg import MAX_KEY_BLOCK, throwaway_home

_MESSAGE_HEAD = "-----BEGIN PGP MESSAGE-----"


def write_back_up(path: Path, private_key: str, passphrase: str | None) -> None:
    """A new file of mode 0600; one that is there already is not overwritten, and does where it is
    the same back-up, under the same passphrase."""
    content = private_key if passphrase is None else _lock(private_key, passphrase)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as fault:
        if _is_back_up(path, private_key, passphrase):
            return
        raise Fault(f"{path} is there already, and is not overwritten.") from fault
    except OSError as fault:
        raise Fault(f"The back-up cannot be written to {path}: {fault.strerror}.") from fault
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def refuse_existing(path: Path) -> None:
    """`Fault` where something is there already."""
    if os.path.lexists(path):
        raise Fault(f"{path} is there already, and is not overwritten.")


def read_back_up(path: Path, ask_passphrase: Callable[[], str]) -> str:
    """The armored private key of a back-up; `ask_passphrase` is called for an encrypted one."""
    try:
        with path.open("rb") as file:
            raw = file.read(4 * MAX_KEY_BLOCK)
        content = raw.decode("ascii")
    except OSError as fault:
        raise Fault(f"The back-up {path} cannot be read: {fault.strerror}.") from fault
    except UnicodeDecodeError as fault:
        raise KeyFault(f"{path} is no back-up of an account key.") from fault
    return _unlock(content, ask_passphrase()) if content.startswith(_MESSAGE_HEAD) else content


def _is_back_up(path: Path, private_key: str, passphrase: str | None) -> bool:
    asked = False

    def give_passphrase() -> str:
        nonlocal asked
        asked = True
        return passphrase or ""

    try:
        held = read_back_up(path, give_passphrase)
    except Fault:
        return False
    # In clear where the user wants it encrypted, it is not the back-up that was asked for.
    return held == private_key and asked is (passphrase is not None)


def _lock(private_key: str, passphrase: str) -> str:
    with throwaway_home(ask=True) as home:
        return home.lock(private_key.encode(), passphrase).decode("ascii")


def _unlock(message: str, passphrase: str) -> str:
    with throwaway_home(ask=True) as home:
        try:
            return home.unlock(message.encode(), passphrase).decode("ascii")
        except UnicodeDecodeError as fault:
            raise KeyFault("This is no back-up of an account key.") from fault
