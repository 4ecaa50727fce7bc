"""docs/signatures.md is held to the code."""

import re

from activitypub.protocol.signatures.integrity_proofs import MAX_CHARACTERS, MAX_DEPTH, MAX_VALUES
from activitypub.protocol.signatures.keys import MAX_RSA_BITS
from activitypub.protocol.signatures.policy import ACCEPTED_ALGORITHMS, MIN_RSA_BITS
from activitypub.protocol.signatures.reasons import Reason
from tests.live import REPOSITORY

PAGE = (REPOSITORY / "docs" / "signatures.md").read_text()


def test_the_page_has_every_reason_and_no_other() -> None:
    table = PAGE.partition("| reason | |")[2].partition("\n\n")[0]
    named = [word for row in table.splitlines()[2:] for word in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(named) == sorted(reason.value for reason in Reason)


def test_the_page_has_the_bounds_of_the_code() -> None:
    assert f"{MIN_RSA_BITS} bits or more, up to {MAX_RSA_BITS}" in PAGE
    assert f"{MAX_VALUES} values, {MAX_DEPTH} levels or {MAX_CHARACTERS} characters" in PAGE
    (row,) = [row for row in PAGE.splitlines() if row.startswith("| algorithm |")]
    assert set(re.findall(r"`([\w-]+)`", row.split("|")[3])) == {str(name) for name in ACCEPTED_ALGORITHMS}
