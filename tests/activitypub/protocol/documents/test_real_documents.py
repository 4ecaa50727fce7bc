"""What comes of the documents that other programs send: `real_documents.txt` says it, one line each.

A line is the file's name, what may come of it as an activity of its own actor, and its kind and main
fields. The lines under a Create or an Update tell the object that it brings.
"""

import os
from pathlib import Path

import orjson
import pytest

from activitypub.protocol import authority
from activitypub.protocol.documents.activities import Activity
from activitypub.protocol.documents.parsing import Parsed, parse
from activitypub.protocol.documents.reading import read
from activitypub.protocol.documents.refusals import RefusedDocument
from tests.activitypub.protocol.documents.telling import told

pytestmark = pytest.mark.needs("vectors")

TABLE = Path(__file__).with_name("real_documents.txt")


def folder() -> Path:
    return Path(os.environ["HVX_VECTORS"]) / "activitypub"


def index() -> list[dict[str, str]]:
    found: list[dict[str, str]] = orjson.loads((folder() / "index.json").read_bytes())["documents"]
    return found


def lines(name: str, body: bytes) -> list[str]:
    """What came of a document, as the table has it."""
    try:
        parsed = parse(read(body))
    except RefusedDocument as refused:
        return [f"{name} | refused: {refused.refusal}"]
    if not isinstance(parsed, Activity):
        return [f"{name} | {told(parsed)}"]
    found = [f"{name} | {verdict(parsed)} | {told(parsed)}"]
    if parsed.type in ("Create", "Update") and parsed.object.inline is not None:
        found.append(f"    {told(parse(parsed.object.inline))}")
    return found


def verdict(activity: Activity) -> str:
    reason = authority.against(activity, activity.actor)
    if reason is not None:
        return f"refused: {reason}"
    if activity.type not in ("Create", "Update", "Announce"):
        return "taken"
    match authority.brought(activity):
        case authority.Believe():
            return "taken, object believed"
        case authority.Fetch(uri):
            return f"taken, object fetched: {uri.removeprefix('https://')}"
        case refused:
            return f"refused: {refused.reason}"


def test_of_every_real_document_comes_what_the_table_says() -> None:
    documents = index()
    assert len(documents) == 124
    found = []
    for document in documents:
        name = document["file"].removeprefix("docs/").removesuffix(".json")
        found += lines(name, (folder() / document["file"]).read_bytes())
    assert found == TABLE.read_text().splitlines()


def test_the_kind_and_type_are_those_that_the_index_names() -> None:
    kinds = {
        "activity": ("activity",), "actor": ("actor",), "collection": ("collection",),
        "object": ("post", "tombstone", "unknown"),
    }  # fmt: skip
    for document in index():
        try:
            parsed: Parsed = parse(read((folder() / document["file"]).read_bytes()))
        except RefusedDocument:
            continue
        assert told(parsed).startswith(kinds[document["kind"]]), document["file"]
        kind = parsed.raw["type"]
        assert kind == document["type"], document["file"]
        if isinstance(parsed, Activity):
            assert parsed.type == kind
            assert parsed.id == document["id"]


def test_a_spoofed_post_is_refused_since_it_was_not_fetched_from_where_its_id_is() -> None:
    spoofed = parse(read((folder() / "docs" / "hostile.note.spoofed-object.json").read_bytes()))
    reason = authority.against_fetched(
        spoofed.raw["id"], [spoofed.raw["attributedTo"]], "https://patch.cx/media/spoof"
    )
    assert reason is authority.Reason.FETCHED_ELSEWHERE
