"""docs/errors.md lists every code that the code can raise, and nothing else."""

import ast
import re

from hvx import errors_page
from tests.live import REPOSITORY

PAGE = REPOSITORY / "docs" / "errors.md"
SOURCES = [path for room in errors_page.ROOMS for path in sorted((REPOSITORY / room).rglob("*.py"))]


def codes_in(source: str) -> set[str]:
    """The words that a class of this module gives its `code`, read without running it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ClassDef):
            continue
        for line in node.body:
            if isinstance(line, ast.AnnAssign):
                targets: list[ast.expr] = [line.target]
            elif isinstance(line, ast.Assign):
                targets = line.targets
            else:
                continue
            for target in targets:
                names, value = [target], [line.value]
                if isinstance(target, ast.Tuple) and isinstance(line.value, ast.Tuple):
                    names, value = target.elts, [*line.value.elts]
                for name, given in zip(names, value, strict=True):
                    if isinstance(name, ast.Name) and name.id == "code" and isinstance(given, ast.Constant):
                        found.add(str(given.value))
    return found


def listed() -> set[str]:
    return set(re.findall(r"^\| `([a-z0-9_]+)` \|", PAGE.read_text(), re.MULTILINE))


def test_the_search_for_codes_sees_each_way_of_writing_one() -> None:
    source = """
class A(B):
    status, code = 1, "one"
class C(D):
    code = "two"
    x: int
class E:
    code: str = "three"
"""
    assert codes_in(source) == {"one", "two", "three"}


def test_every_code_in_the_source_is_on_the_page() -> None:
    # `internal_error` and `public_key_refused` are the bases' own, which nothing raises.
    bases = {"internal_error", "public_key_refused"}
    found = set().union(*(codes_in(path.read_text()) for path in SOURCES))
    assert len(found) > 40
    assert found - bases == listed()


def test_the_bases_are_raised_nowhere() -> None:
    for path in SOURCES:
        assert not re.search(r"raise (errors\.)?(Problem|PublicKeyRefused)\b", path.read_text()), path


def test_the_page_is_the_one_that_the_code_writes() -> None:
    assert PAGE.read_text() == errors_page.page(), "run: python manage.py errors_page > docs/errors.md"


def test_every_problem_has_a_status_of_a_refusal_and_a_stable_word() -> None:
    for problem in errors_page.problems():
        assert 400 <= problem.status < 600, problem
        assert re.fullmatch(r"[a-z][a-z0-9_]*", problem.code), problem
        assert problem.title, problem
        assert "|" not in problem.title, problem


def test_the_codes_that_the_protocol_names_are_there() -> None:
    protocol = {
        "sealed", "idempotency_key_reused", "device_key_in_use", "device_revoked", "invalid_token",
        "challenge_invalid", "use_dpop_nonce", "invalid_dpop_proof", "certificate_invalid",
        "username_taken", "email_taken", "invalid_credentials", "last_device", "device_pending",
        "app_token", "out_of_order", "bad_frame", "bad_device", "unknown_device", "exchange_open",
        "rate_limited",
    }  # fmt: skip
    assert protocol <= listed()
