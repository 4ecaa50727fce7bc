"""Collections and pages."""

from typing import Any

import pytest

from activitypub.protocol.documents.collections import Collection, collection
from activitypub.protocol.documents.refusals import Refusal, RefusedDocument
from activitypub.protocol.documents.shapes import Reference

ID = "https://a.example/followers"
ITEM = "https://a.example/1"


def page(**changes: Any) -> Collection:
    return collection({"id": ID, "type": "OrderedCollectionPage"} | changes)


def test_what_is_no_collection_is_refused() -> None:
    with pytest.raises(RefusedDocument) as caught:
        page(type="Note")
    assert caught.value.refusal is Refusal.TYPE_MISSING


@pytest.mark.parametrize("name", ["items", "orderedItems"])
@pytest.mark.parametrize("items", [ITEM, [ITEM], [None, ITEM, 3, "x"]])
def test_items_are_read_under_either_name_one_or_many(name: str, items: Any) -> None:
    assert page(**{name: items}).items == (Reference(ITEM),)


def test_an_empty_array_of_one_name_is_not_filled_from_the_other() -> None:
    assert page(orderedItems=[], items=[ITEM]).items == ()


def test_an_inline_item_and_an_inline_first_page_are_kept() -> None:
    first = {"type": "CollectionPage", "items": [{"id": ITEM}]}
    found = page(first=first, items=[{"id": ITEM}])
    assert found.items == (Reference(ITEM, {"id": ITEM}),)
    assert found.first == Reference(None, first)
    assert collection(first).items == (Reference(ITEM, {"id": ITEM}),)


def test_pages_lead_to_each_other_and_to_their_whole() -> None:
    found = page(next={"id": ITEM}, prev=ITEM, partOf=ID, totalItems=-1)
    assert (found.next, found.previous, found.part_of, found.total_items) == (ITEM, ITEM, ID, None)
    assert found.is_page
    assert found.ordered
    assert not page(type="Collection").is_page
