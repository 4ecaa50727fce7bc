"""The document of an access key: what is none, and what follows from one."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from client.access_keys import ListedAccessKey as Row
from client.access_keys import find, read_file
from client.faults import Fault
from client.protocol.access_key import AccessKey
from client.protocol.encoding import b64url, lp
from tests.client.pair import seed

DOCUMENT: dict[str, Any] = {
    "type": "hvx-access-key/1",
    "origin": "https://example.org",
    "account": "alice@example.org",
    "key_id": "0b5e8d5c-6a3e-4f0e-9d27-3c7d0b5a1f42",
    "secret": b64url(seed("access key")),
    "scopes": ["files:read", "social:write"],
    "expires_at": "2027-01-01T00:00:00Z",
}


@pytest.mark.parametrize("member", DOCUMENT)
def test_a_document_without_a_member_is_none(member: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        AccessKey.of({name: value for name, value in DOCUMENT.items() if name != member})


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("type", "hvx-access-key/2"),
        ("origin", "https://example.org/"),
        ("origin", "https://other.example"),
        ("origin", 7),
        ("account", "alice@other.example"),
        ("account", "Alice@example.org"),
        ("account", "alice"),
        ("key_id", DOCUMENT["key_id"].upper()),
        ("key_id", "../me"),
        ("secret", b64url(bytes(31))),
        ("secret", DOCUMENT["secret"] + "="),
        ("scopes", []),
        ("scopes", "files:read"),
        ("scopes", ["files:read\x1b[2J"]),
        ("scopes", [7]),
        ("expires_at", "tomorrow"),
        ("expires_at", "2027-01-01T00:00:00Z\n\x1b[2J"),
        ("expires_at", None),
    ],
)
def test_a_document_is_refused_with(member: str, value: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        AccessKey.of({**DOCUMENT, member: value})


@pytest.mark.parametrize("text", ["", "[]", "7", "null", "{", '"hvx-access-key/1"', "[" * 100_000])
def test_a_text_is_none_that_is(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        AccessKey.read(text)


def test_what_is_written_is_read_again_and_the_secret_is_not_shown() -> None:
    key = AccessKey.of(DOCUMENT)
    assert json.loads(key.text()) == DOCUMENT
    assert AccessKey.read(key.text()) == key
    assert DOCUMENT["secret"] not in repr(key)
    assert repr(key.secret) not in repr(key)


def test_a_member_more_does_no_harm() -> None:
    assert AccessKey.of({**DOCUMENT, "note": "of a later version"}) == AccessKey.of(DOCUMENT)


def test_the_device_hash_is_of_account_id_and_the_secrets_digest() -> None:
    digest = hashlib.sha256(seed("access key")).digest()
    packed = lp("hvx-access-key/1", DOCUMENT["account"], DOCUMENT["key_id"], digest)
    assert AccessKey.of(DOCUMENT).device == b64url(hashlib.sha256(packed).digest())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_that_others_can_read_is_not_used(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(DOCUMENT))
    file.chmod(mode)
    with pytest.raises(Fault, match="0600"):
        read_file(file)
    file.chmod(0o600)
    assert read_file(file) == AccessKey.of(DOCUMENT)


def test_a_file_that_holds_something_else_is_named(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.touch(mode=0o600)
    for content in (b"", b"\xff\xfe", b"x" * 10_000):
        file.write_bytes(content)
        with pytest.raises(Fault, match=r"key\.json holds no access key"):
            read_file(file)


ROWS = [
    Row("0b5e8d5c-6a3e-4f0e-9d27-3c7d0b5a1f42", "robot", "", "", "", ""),
    Row("0b5e8d5c-0000-4f0e-9d27-3c7d0b5a1f42", "robot", "", "", "", ""),
    Row("77777777-6a3e-4f0e-9d27-3c7d0b5a1f42", "0b5e8d5c-6a3e-4f0e-9d27-3c7d0b5a1f42", "", "", "", ""),
]


@pytest.mark.parametrize("wanted", ["robot", "0b5e8d5c", "777", "nobody", ""])
def test_what_names_no_key_or_several_is_no_name(wanted: str) -> None:
    with pytest.raises(Fault):
        find(ROWS, wanted)


def test_an_id_goes_before_a_name_that_looks_like_it() -> None:
    assert find(ROWS, ROWS[0].key_id) is ROWS[0]
    assert find(ROWS, "7777") is ROWS[2]
