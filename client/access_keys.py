"""Access keys: made and ended on a device, kept in a file, exchanged for tokens by programs."""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from client.api import Api, segment
from client.device import ThisDevice
from client.directory import pages
from client.faults import Fault, NoAnswer
from client.protocol.access_key import AccessKey
from client.protocol.encoding import b64url
from client.text import clean

MAX_FILE = 4096


@dataclass(frozen=True, slots=True)
class ListedAccessKey:
    """A row of `GET me/access-keys`, cleaned for showing."""

    key_id: str
    name: str
    scopes: str
    created_at: str
    last_seen_at: str
    expires_at: str


@dataclass(frozen=True, slots=True)
class Token:
    """What an access key was exchanged for. `seconds` it is good for."""

    access_token: str = field(repr=False)
    scope: str
    seconds: int


def make(
    device: ThisDevice, *, password: str, name: str, scopes: Sequence[str], expires_at: str | None
) -> AccessKey:
    """A new access key of the account; nothing else ever tells its secret."""
    body: dict[str, Any] = {"name": name, "scopes": list(scopes), "password": password}
    if expires_at is not None:
        body["expires_at"] = expires_at
    answer: Any = device.api.post("me/access-keys", body)
    try:
        key = AccessKey.of(answer["access_key"])
        agrees = (key.origin, key.account, set(key.scopes), key.device) == (
            *(device.profile.origin, device.profile.account),
            *(set(scopes), answer["device"]),
        )
    except (KeyError, TypeError, ValueError) as fault:
        raise NoAnswer("The server's access key is not of the protocol.") from fault
    if not agrees:
        raise Fault("The server made another access key than was asked for; look at hvx access-key list.")
    return key


def list_access_keys(device: ThisDevice) -> list[ListedAccessKey]:
    """The account's access keys that are in force."""
    names = ("name", "created_at", "last_seen_at", "expires_at")
    try:
        return [
            ListedAccessKey(
                key_id=clean(str(row["key_id"]), 40),
                scopes=clean(" ".join(map(str, row["scopes"])), 100),
                **{name: clean(str(row[name]), 40) for name in names},
            )
            for row in pages(device.api, "me/access-keys")
        ]
    except (KeyError, TypeError) as fault:
        raise NoAnswer("The server's list of access keys is not of the protocol.") from fault


def find(rows: list[ListedAccessKey], wanted: str) -> ListedAccessKey:
    """The one access key whose id, name or beginning of an id is `wanted`; `Fault` if there is not one."""
    for found in (
        [row for row in rows if row.key_id == wanted],
        [row for row in rows if row.name == wanted],
        [row for row in rows if len(wanted) >= 4 and row.key_id.startswith(wanted)],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            raise Fault("That names more than one access key; give more of its id.")
    raise Fault("The account has no such access key.")


def end(device: ThisDevice, key_id: str) -> None:
    """End an access key; its tokens end with it."""
    device.api.call("DELETE", f"me/access-keys/{segment(key_id)}", prove=False)


def exchange(api: Api, key: AccessKey) -> Token:
    """A token of the key's scopes. `api` is the key's server, without a device."""
    body = {"key_id": key.key_id, "secret": b64url(key.secret)}
    answer: Any = api.call("POST", "sessions/access-key", body=body, token=False, prove=False)
    try:
        token = Token(str(answer["access_token"]), str(answer["scope"]), int(answer["expires_in"]))
        agrees = (answer["account"]["account"], answer["device"]) == (key.account, key.device)
    except (KeyError, TypeError, ValueError) as fault:
        raise NoAnswer("The server's answer is not of the protocol.") from fault
    if not agrees or not set(token.scope.split()) <= set(key.scopes):
        raise Fault("The server gave a token for something else than this access key.")
    return token


@contextmanager
def kept(device: ThisDevice, path: Path | None) -> Iterator[Callable[[AccessKey], None]]:
    """Around the making of a key that goes into a new file of mode 0600, if into any.

    The file is made first, so that no key is made which then has nowhere to go. Where it cannot be
    written, the key that nobody holds is ended.
    """
    held: list[AccessKey] = []
    if path is None:
        yield held.append
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as fault:
        raise Fault(f"{path} is there already, and is not overwritten.") from fault
    try:
        with os.fdopen(descriptor, "w") as file:
            yield held.append
            file.write(held[0].text() + "\n")
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        for key in held:
            end(device, key.key_id)
        raise


def read_file(path: Path) -> AccessKey:
    """The access key of a file that is its owner's alone."""
    with path.open() as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise Fault(f"{path} can be read by others; make it mode 0600.")
        try:
            return AccessKey.read(file.read(MAX_FILE))
        except ValueError as fault:
            raise Fault(f"{path} holds no access key.") from fault
