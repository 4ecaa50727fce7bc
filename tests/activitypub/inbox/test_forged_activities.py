"""Activities that are well signed, and say what nobody, or not their sender, may say."""

from typing import Any

from activitypub.models import Received
from activitypub.protocol.signatures.messages import SignedRequest
from hvx.inboxes import Inboxes
from tests.activitypub.inbox.forging import Forgeries, Forgery, World, require_refusals, with_header
from tests.activitypub.senders import ACTIVITY, STREAMS, ask, unsigned_post


def raw(template: str) -> Forgery:
    """Bytes that bob signs; %s is an address of his."""
    return lambda world: world.bob.post(template.replace("%s", world.bob.uri).encode())


def note(**changed: Any) -> Forgery:
    return lambda world: world.bob.post(world.bob.activity(**changed))


def with_members(members: str) -> Forgery:
    """A Like of bob's with these members too."""
    return raw('{"type":"Like","id":"%s/1","actor":"%s","object":"https://remote.example/1",' + members + "}")


SHAPES: Forgeries = {
    "no JSON": (raw("{"), (400, "document_not_json")),
    "nothing": (raw(""), (401, "digest_not_signed")),
    "a list": (raw("[]"), (400, "document_not_an_object")),
    "two texts": (raw("{} {}"), (400, "document_not_json")),
    "a member twice": (
        with_members('"actor":"https://elsewhere.example"'),
        (400, "document_duplicate_member"),
    ),
    "a member twice, deep down": (with_members('"tag":[{"a":1,"a":2}]'), (400, "document_duplicate_member")),
    "a NUL": (with_members('"content":"a\\u0000"'), (400, "document_holds_nul")),
    "half a character": (with_members('"content":"\\ud800"'), (400, "document_not_json")),
    "no UTF-8": (lambda w: w.bob.post(b'{"content":"\xff"}'), (400, "document_not_json")),
    "no number": (with_members('"n":NaN'), (400, "document_not_json")),
    "a number beyond measure": (with_members('"n":1e400'), (400, "document_not_json")),
    "a number of 65 bits": (with_members('"n":18446744073709551616'), (400, "document_number_out_of_range")),
    "a hundred levels": (
        with_members('"tag":' + "[" * 100 + "]" * 100),
        (400, "document_too_deep"),
    ),
    "a hundred thousand brackets": (raw("[" * 100_000), (400, "document_too_many_values")),
    "a huge array": (note(to=["https://remote.example/1"] * 20_000), (400, "document_too_many_values")),
    "no type": (note(kind=None), (422, "type_missing")),
    "no object": (note(object=None), (422, "object_missing")),
    "no actor": (note(actor=None), (422, "actor_missing")),
    "an actor that is no address": (note(actor="bob"), (422, "actor_missing")),
    "a context that makes another word the actor": (
        note(**{"@context": [STREAMS, {"spoken": "as:actor"}]}),
        (422, "context_renames_a_term"),
    ),
    "a context that makes the actor another word": (
        note(**{"@context": [STREAMS, {"actor": "https://remote.example/ns#x"}]}),
        (422, "context_redefines_a_term"),
    ),
    "two names of one activity": (
        note(**{"@id": "https://remote.example/1"}),
        (422, "document_uses_a_keyword"),
    ),
    "a web page": (
        lambda w: w.bob.signed(with_header(unsigned_post(w.bob.activity()), "Content-Type", "text/html")),
        (415, "no_activity"),
    ),
    "linked data of no profile": (
        lambda w: w.bob.signed(
            with_header(unsigned_post(w.bob.activity()), "Content-Type", "application/ld+json")
        ),
        (415, "no_activity"),
    ),
    "two types": (
        lambda w: with_header(w.bob.post(), "Content-Type", ACTIVITY, "text/html"),
        (415, "no_activity"),
    ),
    "more than a megabyte": (
        lambda w: w.bob.post(b'"' + b"a" * 1_048_577 + b'"'),
        (413, "activity_too_large"),
    ),
}


def by(sender: str, of: str) -> Forgery:
    """What one actor signs in the name of another."""
    return lambda world: getattr(world, sender).post(getattr(world, of).activity())


def several_actors(world: World) -> SignedRequest:
    return world.mallory.post(world.mallory.activity(actor=[world.mallory.uri, world.bob.uri]))


def about_bob(kind: str, **members: Any) -> Forgery:
    """What mallory would do to what is bob's, under her own name."""

    def forge(world: World) -> SignedRequest:
        filled = {name: fill(world) if callable(fill) else fill for name, fill in members.items()}
        return world.mallory.post(world.mallory.activity(kind, **filled))

    return forge


OWNERS: Forgeries = {
    "another server's actor": (by("mallory", "bob"), (401, "actor_is_not_the_signer")),
    "another actor of the same server": (by("eve", "bob"), (401, "actor_is_not_the_signer")),
    "two actors": (several_actors, (422, "actor_ambiguous")),
    "an activity without a name": (note(id=None), (422, "activity_id_missing")),
    "an activity with another server's name": (
        about_bob("Create", id=lambda w: f"{w.bob.uri}/activities/1"),
        (422, "activity_id_of_another_origin"),
    ),
    "a name that is no address": (note(id="urn:uuid:1"), (422, "activity_id_missing")),
    "the end of another server's note": (
        about_bob("Delete", object=lambda w: f"{w.bob.uri}/notes/1"),
        (422, "object_of_another_origin"),
    ),
    "the end of another actor": (
        about_bob("Delete", object=lambda w: {"id": w.bob.uri, "type": "Person"}),
        (422, "object_of_another_origin"),
    ),
    "another form of another server's note": (
        about_bob("Update", object=lambda w: {"id": f"{w.bob.uri}/notes/1", "type": "Note"}),
        (422, "object_of_another_origin"),
    ),
    "the undoing of what another did": (
        about_bob(
            "Undo",
            object=lambda w: {"type": "Like", "actor": w.bob.uri, "object": "https://remote.example/1"},
        ),
        (422, "undone_by_another_actor"),
    ),
    "a yes in another's name": (
        about_bob(
            "Accept", object=lambda w: {"type": "Follow", "object": w.bob.uri, "actor": "https://a.example/1"}
        ),
        (422, "answered_by_another_actor"),
    ),
    "a move of another": (
        about_bob("Move", object=lambda w: w.bob.uri, target=lambda w: w.mallory.uri),
        (422, "object_of_another_actor"),
    ),
    "a pin on another's wall": (
        about_bob("Add", target=lambda w: f"{w.bob.uri}/featured"),
        (422, "collection_of_another_actor"),
    ),
}


async def test_what_is_no_activity_that_all_read_alike_is_refused_for_its_reason(
    inboxes: Inboxes, world: World
) -> None:
    await require_refusals(inboxes, world, SHAPES)


async def test_what_its_sender_may_not_do_is_refused_for_its_reason(inboxes: Inboxes, world: World) -> None:
    await require_refusals(inboxes, world, OWNERS)


async def test_a_name_that_was_taken_in_another_servers_name_does_not_keep_the_true_one_out(
    inboxes: Inboxes, world: World
) -> None:
    activity = world.bob.activity()
    forged = await ask(inboxes, world.mallory.post({**world.mallory.activity(), "id": activity["id"]}))
    assert forged.status == 422
    assert (await ask(inboxes, world.bob.post(activity))).status == 202
    (row,) = [row async for row in Received.objects.values()]
    assert row["actor"] == world.bob.uri
