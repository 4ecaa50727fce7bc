"""House rules that no linter knows. What rooms may import is import-linter's (pyproject.toml)."""

import ast
from pathlib import Path

import pytest

from tests.live import REPOSITORY
from tests.once import ONCE

# Calls by which a function would learn the time or draw randomness by itself.
IMPURE_CALLS = {
    "now", "utcnow", "today", "time", "time_ns", "monotonic", "perf_counter",
    "urandom", "token_bytes", "token_hex", "token_urlsafe", "randbytes", "randbelow", "getrandbits",
    "uuid1", "uuid4", "generate", "generate_key", "generate_private_key",
}  # fmt: skip

PURE_FILES = sorted(REPOSITORY.glob("[a-z]*/protocol/**/*.py"))


def impure_calls(source: str) -> list[str]:
    """The impure calls in this module's text, each as `line: name`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if name in IMPURE_CALLS:
                found.append(f"{node.lineno}: {name}")
    return found


@pytest.mark.parametrize(
    "call", ["datetime.now(UTC)", "X25519PrivateKey.generate()", "os.urandom(12)", "uuid4()"]
)
def test_the_rule_sees_a_clock_or_randomness(call: str) -> None:
    assert len(impure_calls(f"def f():\n    return {call}\n")) == 1


@pytest.mark.parametrize("path", PURE_FILES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_protocol_code_asks_no_clock_and_draws_no_randomness(path: Path) -> None:
    assert impure_calls(path.read_text()) == []


def test_there_is_protocol_code_to_hold_the_rule_against() -> None:
    rooms = {path.relative_to(REPOSITORY).parts[0] for path in PURE_FILES}
    assert {"activitypub", "devices", "accounts", "keyexchange", "client"} <= rooms


@pytest.mark.parametrize("name", ONCE)
def test_what_runs_once_is_there(name: str) -> None:
    path, _, test = name.partition("::")
    place = REPOSITORY / "tests" / path
    assert place.exists()
    assert f"def {test}(" in place.read_text() if test else True
