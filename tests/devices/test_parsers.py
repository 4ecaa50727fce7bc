"""The one representation of the native API: which bytes are a body."""

import io
from typing import IO, cast

import orjson
import pytest
from rest_framework import exceptions

from devices.errors import TooLarge
from devices.parsers import MAX_BODY_BYTES, JSONParser, dumps

REFUSED = {
    "nothing": b"",
    "a word": b"hello",
    "an object that does not end": b'{"a":1',
    "more than one value": b"{}{}",
    "a trailing comma": b'{"a":1,}',
    "single quotes": b"{'a':1}",
    "a comment": b"{}//",
    "not a number": b'{"a":NaN}',
    "infinity": b'{"a":-Infinity}',
    "bytes that are no UTF-8": b'{"a":"\xff"}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"a":1}',
    "half a character": b'{"a":"\\ud800"}',
    "the halves of a character in the wrong order": b'{"a":"\\udc00\\ud800"}',
    "a line feed in a text": b'{"a":"\n"}',
    "a NUL in a text": b'{"a":"\x00"}',
    "a member twice": b'{"a":1,"a":2}',
    "a member twice by another spelling": b'{"a":1,"\\u0061":1}',
    "a member twice far inside": b'[{"a":[{"b":1,"c":2,"b":1}]}]',
    "nesting without end": b"[" * 100_000,
    "nesting that ends": b"[" * 5000 + b"]" * 5000,
    "objects in objects": b'{"a":' * 5000 + b"1" + b"}" * 5000,
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_no_body_is(body: bytes) -> None:
    with pytest.raises(exceptions.ParseError):
        JSONParser().parse(io.BytesIO(body))


def test_a_body_that_is_too_large_is_read_no_further_than_its_limit() -> None:
    class Endless(io.RawIOBase):
        read_so_far = 0

        def read(self, size: int = -1) -> bytes:
            assert size >= 0, "read to the end"
            self.read_so_far += size
            return b" " * size

    body = Endless()
    with pytest.raises(TooLarge):
        JSONParser().parse(cast(IO[bytes], body))
    assert body.read_so_far == MAX_BODY_BYTES + 1


def test_a_body_of_the_greatest_size_is_read() -> None:
    body = b'"' + b"a" * (MAX_BODY_BYTES - 2) + b'"'
    assert JSONParser().parse(io.BytesIO(body)) == "a" * (MAX_BODY_BYTES - 2)


@pytest.mark.parametrize("value", [{}, [], None, 0, "", {"a": [{"a": 1}, {"a": 2}]}, "ü😀", 2**63])
def test_json_is_read(value: object) -> None:
    assert JSONParser().parse(io.BytesIO(orjson.dumps(value))) == value
    assert orjson.loads(dumps(value)) == value
