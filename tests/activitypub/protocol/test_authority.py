"""Who may do what: first everything that nobody may."""

from typing import Any

import pytest

from activitypub.protocol import authority
from activitypub.protocol.authority import Believe, Fetch, Reason, Refuse
from activitypub.protocol.documents.activities import Activity, activity
from activitypub.protocol.documents.quotes import QuoteAuthorization

ALICE = "https://a.example/users/alice"
BOB = "https://a.example/users/bob"  # of the same server
MALLORY = "https://m.example/users/mallory"
NOTE = "https://a.example/notes/1"
FOREIGN = "https://b.example/notes/1"
GROUP = {"id": ALICE, "type": "Group", "attributedTo": BOB}  # Bob moderates it


def does(kind: str, what: Any, **changes: Any) -> Activity:
    return activity(
        {"id": "https://a.example/activities/1", "type": kind, "actor": ALICE, "object": what} | changes
    )


def note(**changes: Any) -> dict[str, Any]:
    return {"id": NOTE, "type": "Note", "attributedTo": ALICE, "content": "a"} | changes


def follow(**changes: Any) -> dict[str, Any]:
    return {"id": "https://b.example/follow/1", "type": "Follow", "actor": MALLORY, "object": ALICE} | changes


@pytest.mark.parametrize("signer", [MALLORY, BOB, f"{ALICE}/", ALICE.upper(), "http://a.example/users/alice"])
def test_an_activity_signed_by_anybody_but_its_actor_is_refused(signer: str) -> None:
    assert authority.against(does("Like", NOTE), signer) is Reason.ACTOR_NOT_SIGNER


@pytest.mark.parametrize("name", [None, "", "urn:uuid:1", ["https://a.example/1"]])
def test_an_activity_without_an_id_is_refused(name: Any) -> None:
    assert authority.against(does("Like", NOTE, id=name), ALICE) is Reason.ID_MISSING


@pytest.mark.parametrize(
    "name", ["https://m.example/1", "http://a.example/1", "https://a.example:444/1", "https://a.example.m/1"]
)
def test_an_activity_with_an_id_of_another_origin_is_refused(name: str) -> None:
    assert authority.against(does("Like", NOTE, id=name), ALICE) is Reason.ID_ELSEWHERE


@pytest.mark.parametrize(
    "kind", ["Like", "Dislike", "EmojiReact", "Follow", "Block", "Flag", "Join", "Cheer"]
)
def test_what_changes_nothing_of_another_may_have_any_object(kind: str) -> None:
    assert authority.against(does(kind, FOREIGN), ALICE) is None
    assert authority.against(does(kind, {"type": "Note"}), ALICE) is None


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ({"type": "Follow", "id": f"{ALICE}#1", "actor": MALLORY, "object": BOB}, Reason.UNDONE_BY_ANOTHER),
        ({"type": "Like", "id": "https://m.example/1", "actor": ALICE}, Reason.UNDONE_BY_ANOTHER),
        ({"type": "Like", "id": f"{ALICE}#1", "actor": [ALICE, BOB]}, Reason.UNDONE_BY_ANOTHER),
        ({"type": "Like", "id": f"{ALICE}#1", "actor": None}, Reason.UNDONE_BY_ANOTHER),
        ({"type": "Like", "object": NOTE}, Reason.OBJECT_ID_MISSING),
        ("https://m.example/1", Reason.UNDONE_BY_ANOTHER),
        (f"{ALICE}#follows/1", None),
        ({"type": "Follow", "actor": ALICE, "object": MALLORY}, None),
        ({"type": "Follow", "id": f"{ALICE}#1", "actor": {"id": ALICE}, "object": MALLORY}, None),
    ],
)
def test_an_undo_undoes_only_what_its_actor_did(what: Any, reason: Reason | None) -> None:
    assert authority.against(does("Undo", what), ALICE) is reason


@pytest.mark.parametrize("kind", ["Accept", "Reject"])
@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (follow(object=BOB), Reason.ANSWERED_BY_ANOTHER),
        (follow(object=MALLORY), Reason.ANSWERED_BY_ANOTHER),
        (follow(object=None), Reason.ANSWERED_BY_ANOTHER),
        ({"type": "QuoteRequest", "object": FOREIGN}, Reason.ANSWERED_BY_ANOTHER),
        ({"type": "Join"}, Reason.ANSWERED_BY_ANOTHER),
        (follow(), None),
        (follow(object=[{"id": ALICE}]), None),
        ({"type": "QuoteRequest", "object": NOTE}, None),
        ("https://b.example/follow/1", None),
    ],
)
def test_only_who_was_asked_answers(kind: str, what: Any, reason: Reason | None) -> None:
    assert authority.against(does(kind, what), ALICE) is reason


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (FOREIGN, Reason.OBJECT_ELSEWHERE),
        ({"id": FOREIGN, "type": "Tombstone"}, Reason.OBJECT_ELSEWHERE),
        ({"type": "Tombstone"}, Reason.OBJECT_ID_MISSING),
        ({"id": BOB, "type": "Person"}, Reason.OBJECT_OF_ANOTHER),
        (MALLORY, Reason.OBJECT_ELSEWHERE),
        (NOTE, None),
        ({"id": NOTE, "type": "Tombstone"}, None),
        (ALICE, None),
        ({"id": ALICE, "type": "Person"}, None),
    ],
)
def test_a_delete_reaches_no_other_origin_and_no_other_actor(what: Any, reason: Reason | None) -> None:
    assert authority.against(does("Delete", what), ALICE) is reason


@pytest.mark.parametrize(
    ("what", "target", "reason"),
    [
        (BOB, MALLORY, Reason.OBJECT_OF_ANOTHER),
        (MALLORY, ALICE, Reason.OBJECT_OF_ANOTHER),
        (ALICE, None, Reason.MOVE_NOWHERE),
        (ALICE, ALICE, Reason.MOVE_NOWHERE),
        (ALICE, "acct:a@b.example", Reason.MOVE_NOWHERE),
        (ALICE, MALLORY, None),
    ],
)
def test_only_oneself_moves_and_that_to_somewhere_else(what: str, target: Any, reason: Reason | None) -> None:
    assert authority.against(does("Move", what, target=target), ALICE) is reason


@pytest.mark.parametrize("kind", ["Add", "Remove"])
def test_nothing_is_put_into_a_collection_of_another_origin(kind: str) -> None:
    for target in (None, f"{MALLORY}/featured", {"type": "Collection"}):
        assert authority.against(does(kind, NOTE, target=target), ALICE) is Reason.COLLECTION_OF_ANOTHER
    assert authority.against(does(kind, NOTE, target=f"{ALICE}/featured"), ALICE) is None


@pytest.mark.parametrize("kind", ["QuoteRequest", "ReplyRequest"])
def test_leave_is_asked_only_for_something_of_ones_own_origin(kind: str) -> None:
    for instrument in (None, FOREIGN, {"type": "Note"}):
        request = does(kind, FOREIGN, instrument=instrument)
        assert authority.against(request, ALICE) is Reason.INSTRUMENT_ELSEWHERE
    assert authority.against(does(kind, FOREIGN, instrument=note()), ALICE) is None


@pytest.mark.parametrize(
    ("what", "verdict"),
    [
        ({"type": "Note"}, Refuse(Reason.OBJECT_ID_MISSING)),
        (note(id="urn:x"), Refuse(Reason.OBJECT_ID_MISSING)),
        (note(attributedTo=MALLORY), Refuse(Reason.ATTRIBUTED_ELSEWHERE)),
        (note(attributedTo=[BOB, MALLORY]), Refuse(Reason.ATTRIBUTED_ELSEWHERE)),
        (note(attributedTo=BOB), Fetch(NOTE)),
        (note(id=FOREIGN), Fetch(FOREIGN)),
        (note(id=FOREIGN, attributedTo=MALLORY), Fetch(FOREIGN)),
        (NOTE, Fetch(NOTE)),
        (FOREIGN, Fetch(FOREIGN)),
        (note(), Believe(note())),
        (note(attributedTo=[{"id": ALICE}, BOB]), Believe(note(attributedTo=[{"id": ALICE}, BOB]))),
        (note(attributedTo=None), Believe(note(attributedTo=None))),
    ],
)  # fmt: skip
def test_of_a_create_only_ones_own_object_is_believed(what: Any, verdict: authority.Brought) -> None:
    create = does("Create", what)
    assert authority.brought(create) == verdict
    assert authority.against(create, ALICE) is (verdict.reason if isinstance(verdict, Refuse) else None)


@pytest.mark.parametrize(
    ("what", "verdict"),
    [
        ({"type": "Note"}, Refuse(Reason.OBJECT_ID_MISSING)),
        (note(attributedTo=BOB), Refuse(Reason.OBJECT_OF_ANOTHER)),
        (note(attributedTo=MALLORY), Refuse(Reason.OBJECT_OF_ANOTHER)),
        (note(id=FOREIGN), Refuse(Reason.OBJECT_ELSEWHERE)),
        (FOREIGN, Refuse(Reason.OBJECT_ELSEWHERE)),
        ({"id": BOB, "type": "Person"}, Refuse(Reason.OBJECT_OF_ANOTHER)),
        ({"id": BOB, "type": ["x", "Group"], "attributedTo": ALICE}, Refuse(Reason.OBJECT_OF_ANOTHER)),
        ({"id": MALLORY, "type": "Person"}, Refuse(Reason.OBJECT_ELSEWHERE)),
        (NOTE, Fetch(NOTE)),
        (note(), Believe(note())),
        (GROUP, Believe(GROUP)),
    ],
)  # fmt: skip
def test_an_update_is_of_ones_own_object_or_of_oneself(what: Any, verdict: authority.Brought) -> None:
    update = does("Update", what)
    assert authority.brought(update) == verdict
    assert authority.against(update, ALICE) is (verdict.reason if isinstance(verdict, Refuse) else None)


@pytest.mark.parametrize(
    ("what", "verdict"),
    [
        (note(id=None), Refuse(Reason.OBJECT_ID_MISSING)),
        (note(id=FOREIGN, attributedTo=MALLORY), Fetch(FOREIGN)),
        (note(), Fetch(NOTE)),
        (FOREIGN, Fetch(FOREIGN)),
        ({"id": "https://b.example/act/1", "type": "Create", "object": note(id=FOREIGN)}, Fetch(FOREIGN)),
        ({"id": "https://b.example/act/1", "type": "Update", "object": FOREIGN}, Fetch(FOREIGN)),
        ({"id": "https://b.example/act/1", "type": "Delete", "object": FOREIGN}, Fetch(FOREIGN)),
        ({"id": "https://b.example/act/1", "type": "Create", "object": {}}, Fetch("https://b.example/act/1")),
        ({"id": "https://b.example/act/1", "type": "Like", "object": NOTE}, Fetch("https://b.example/act/1")),
        ({"type": "Like", "object": NOTE}, Refuse(Reason.OBJECT_ID_MISSING)),
    ],
)
def test_nothing_that_is_announced_is_believed(what: Any, verdict: authority.Brought) -> None:
    announce = does("Announce", what)
    assert authority.brought(announce) == verdict
    assert authority.against(announce, ALICE) is (verdict.reason if isinstance(verdict, Refuse) else None)


@pytest.mark.parametrize("owner", [BOB, MALLORY, f"{ALICE}/"])
def test_what_is_known_as_anothers_is_not_changed_even_on_the_same_server(owner: str) -> None:
    assert authority.against_change(does("Delete", NOTE), owner) is Reason.OBJECT_OF_ANOTHER
    assert authority.against_change(does("Delete", NOTE), ALICE) is None


def test_an_answer_that_names_only_an_id_holds_if_that_was_asked_of_the_one_who_answers() -> None:
    accept = does("Accept", "https://b.example/follow/1")
    assert authority.against_answer(accept, None) is Reason.NEVER_ASKED
    assert authority.against_answer(accept, BOB) is Reason.ANSWERED_BY_ANOTHER
    assert authority.against_answer(accept, ALICE) is None


def test_pins_are_those_of_ones_own_collection() -> None:
    add = does("Add", NOTE, target=f"{ALICE}/featured")
    assert authority.against_pin(add, None) is Reason.COLLECTION_OF_ANOTHER
    assert authority.against_pin(add, f"{BOB}/featured") is Reason.COLLECTION_OF_ANOTHER
    assert authority.against_pin(does("Add", NOTE), None) is Reason.COLLECTION_OF_ANOTHER
    assert authority.against_pin(add, f"{ALICE}/featured") is None


def test_followers_move_only_to_one_who_names_the_old_actor() -> None:
    move = does("Move", ALICE, target=MALLORY)
    assert authority.against_move(move, MALLORY, []) is Reason.MOVE_NOT_CONFIRMED
    assert authority.against_move(move, MALLORY, [BOB, f"{ALICE}/"]) is Reason.MOVE_NOT_CONFIRMED
    assert authority.against_move(move, BOB, [ALICE]) is Reason.MOVE_NOWHERE
    assert authority.against_move(does("Move", ALICE), MALLORY, [ALICE]) is Reason.MOVE_NOWHERE
    assert authority.against_move(move, MALLORY, [ALICE]) is None


def test_a_stamp_is_the_quoted_authors_and_names_both_objects() -> None:
    def reason(**changes: str) -> Reason | None:
        parts = {
            "id": f"{ALICE}/stamps/1", "attributed_to": ALICE,
            "interacting_object": FOREIGN, "interaction_target": NOTE,
        }  # fmt: skip
        return authority.against_stamp(QuoteAuthorization(**(parts | changes)), FOREIGN, NOTE, ALICE)

    assert reason(attributed_to=BOB) is Reason.STAMP_OF_ANOTHER
    assert reason(attributed_to=MALLORY) is Reason.STAMP_OF_ANOTHER
    assert reason(id=f"{MALLORY}/stamps/1") is Reason.STAMP_OF_ANOTHER
    assert reason(interacting_object=f"{FOREIGN}/2") is Reason.STAMP_FOR_OTHERS
    assert reason(interaction_target=f"{NOTE}/2") is Reason.STAMP_FOR_OTHERS
    assert reason() is None


@pytest.mark.parametrize(
    ("key_id", "owner"),
    [
        ("https://m.example/key", ALICE),
        (f"{MALLORY}#main-key", ALICE),
        (f"{ALICE}#main-key", MALLORY),
        (f"{ALICE}#main-key", BOB),
        ("https://a.example:444/users/alice#main-key", ALICE),
        ("no uri", ALICE),
    ],
)
def test_a_key_of_another_owner_or_origin_speaks_for_nobody_else(key_id: str, owner: str) -> None:
    assert authority.against_key(ALICE, key_id, owner) is Reason.KEY_OF_ANOTHER


@pytest.mark.parametrize(
    "key_id", [f"{ALICE}#main-key", f"{ALICE}/main-key", ALICE, "https://a.example/keys/7"]
)
def test_a_key_may_stand_anywhere_on_its_owners_origin(key_id: str) -> None:
    assert authority.against_key(ALICE, key_id, ALICE) is None


@pytest.mark.parametrize(
    ("name", "authors", "reason"),
    [
        (None, [ALICE], Reason.FETCHED_ELSEWHERE),
        (FOREIGN, [ALICE], Reason.FETCHED_ELSEWHERE),
        (f"{NOTE}/", [ALICE], Reason.FETCHED_ELSEWHERE),
        (NOTE, [MALLORY], Reason.ATTRIBUTED_ELSEWHERE),
        (NOTE, [ALICE, MALLORY], Reason.ATTRIBUTED_ELSEWHERE),
        (NOTE, [ALICE, BOB], None),
        (NOTE, [], None),
    ],
)
def test_a_document_is_what_stands_at_its_own_address(
    name: str | None, authors: list[str], reason: Reason | None
) -> None:
    assert authority.against_fetched(name, authors, f"{NOTE}#x") is reason
