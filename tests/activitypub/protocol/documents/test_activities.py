"""Who does what to which object."""

from typing import Any

import pytest

from activitypub.protocol.documents.activities import Activity, activity
from activitypub.protocol.documents.parsing import parse
from activitypub.protocol.documents.refusals import Refusal, RefusedDocument
from activitypub.protocol.documents.shapes import PUBLIC, Reference

ACTOR = "https://a.example/users/alice"
ID = "https://a.example/1"
NOTE = "https://b.example/note"


def document(**changes: Any) -> dict[str, Any]:
    return {"id": ID, "type": "Like", "actor": ACTOR, "object": NOTE} | changes


def refusal(value: dict[str, Any]) -> Refusal:
    with pytest.raises(RefusedDocument) as caught:
        activity(value)
    return caught.value.refusal


@pytest.mark.parametrize(
    "actor",
    [None, [], "", "alice", {}, {"id": None}, {"type": "Person"}, 1, f"{ACTOR}#me", "acct:a@b.example"],
)
def test_an_activity_without_an_actor_that_has_a_uri_is_refused(actor: Any) -> None:
    assert refusal(document(actor=actor)) is Refusal.ACTOR_MISSING


@pytest.mark.parametrize("second", ["https://b.example/users/bob", {"id": ACTOR}, ACTOR, "x", 1])
def test_an_activity_of_two_actors_is_refused(second: Any) -> None:
    assert refusal(document(actor=[ACTOR, second])) is Refusal.ACTOR_AMBIGUOUS


@pytest.mark.parametrize("value", [None, [], [None], "", "no uri", 1, [[NOTE]]])
def test_an_activity_without_an_object_is_refused(value: Any) -> None:
    assert refusal(document(object=value)) is Refusal.OBJECT_MISSING


@pytest.mark.parametrize("kind", [None, [], 1, [None], {"id": "Like"}])
def test_a_document_without_a_type_is_refused(kind: Any) -> None:
    assert refusal(document(type=kind)) is Refusal.TYPE_MISSING
    with pytest.raises(RefusedDocument):
        parse(document(type=kind))


@pytest.mark.parametrize("actor", [ACTOR, [ACTOR], [None, ACTOR], {"id": ACTOR, "type": "Person"}])
def test_one_actor_comes_as_an_id_inline_or_in_an_array(actor: Any) -> None:
    assert activity(document(actor=actor)).actor == ACTOR


def test_of_several_types_the_first_that_is_known_counts() -> None:
    assert activity(document(type=["https://x.example/Cheer", "Like"])).type == "Like"
    assert activity(document(type=["Cheer", "Wave"])).type == "Cheer"


def test_an_id_that_is_no_uri_is_no_id() -> None:
    assert activity(document(id="urn:uuid:1")).id is None
    assert activity(document(id=[ID])).id is None


def test_all_objects_of_a_report_are_kept_in_order() -> None:
    found = activity(document(type="Flag", object=[ACTOR, {"id": NOTE}], content="spam"))
    assert [reference.id for reference in found.objects] == [ACTOR, NOTE]
    assert found.object.id == ACTOR
    assert found.content == "spam"


def test_an_inline_object_keeps_all_that_it_says() -> None:
    inline = {"id": NOTE, "type": "PrivateMessage", "mediaType": "message/mls", "content": "AAAA"}
    found = activity(document(type="Create", object=inline))
    assert found.object == Reference(NOTE, inline)
    assert found.raw == document(type="Create", object=inline)


def test_a_reaction_is_its_content_or_misskeys_own_word() -> None:
    assert activity(document(content="🎉", _misskey_reaction="x")).content == "🎉"
    assert activity(document(_misskey_reaction=":x:")).content == ":x:"
    assert activity(document()).content is None


def test_to_and_cc_are_one_or_many() -> None:
    found = activity(document(to="as:Public", cc=[ACTOR, None], audience={"id": NOTE}))
    assert (found.to, found.cc, found.audience) == ((PUBLIC,), (ACTOR,), (NOTE,))


def test_an_unknown_type_with_actor_and_object_is_an_activity_and_without_is_not() -> None:
    assert isinstance(parse(document(type="Cheer")), Activity)
    unknown = parse({"type": "Cheer", "id": ID, "object": NOTE})
    assert not isinstance(unknown, Activity)
