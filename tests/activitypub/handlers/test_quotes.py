"""Others ask to quote what people here have written, and show that they may (FEP-044f)."""

from typing import Any

import orjson
import pytest

from activitypub.models import (
    Block,
    HostBlock,
    LocalActor,
    Notification,
    Post,
    QuoteRequest,
    RemoteActor,
    Sent,
    Visibility,
)
from activitypub.protocol.documents.quotes import quote_authorization
from activitypub.services.editing import delete_post
from tests.activitypub.inbox.effects import does, everything, neighbour
from tests.activitypub.living import post
from tests.activitypub.reading import document, get
from tests.activitypub.senders import STREAMS
from tests.people import Person


def quoting(author: RemoteActor, quoted: Post, **members: Any) -> dict[str, Any]:
    return {
        "id": f"{author.uri}/objects/5",
        "type": "Note",
        "attributedTo": author.uri,
        "to": [f"{STREAMS}#Public"],
        "content": "<p>look</p>",
        "quote": quoted.uri,
        **members,
    }


def answer() -> dict[str, Any]:
    (row,) = Sent.objects.filter(type__in=["Accept", "Reject"])
    body: dict[str, Any] = orjson.loads(bytes(row.body))
    return body


def stamped(bob: RemoteActor, own: Post) -> str:
    assert does(bob, "QuoteRequest", object=own.uri, instrument=quoting(bob, own)) == "done"
    return str(answer()["result"])


# --- Refused -----------------------------------------------------------------------------------------


def test_nobody_asks_about_what_they_may_not_see(bob: RemoteActor, own: Post) -> None:
    Post.objects.update(visibility=Visibility.PRIVATE)
    before = everything()
    ask = {"instrument": quoting(bob, own)}
    assert does(bob, "QuoteRequest", object=own.uri, **ask) == "unknown_object"
    assert does(bob, "QuoteRequest", object=f"{own.uri}0", **ask) == "unknown_object"
    assert everything() == before


def test_nobody_asks_for_the_post_of_another(bob: RemoteActor, own: Post) -> None:
    eve, mallory = neighbour("eve"), neighbour("mallory", "far.example")
    hers = post(eve, 5, "hers")
    before = everything()
    unknown = quoting(eve, own, id=f"{eve.uri}/objects/6")
    for instrument in (quoting(eve, own), hers.uri, unknown):
        assert does(bob, "QuoteRequest", object=own.uri, instrument=instrument) == "object_of_another_actor"
        word = does(mallory, "QuoteRequest", object=own.uri, instrument=instrument)
        assert word == "instrument_of_another_origin"
    assert everything() == before


def test_nobody_asks_here_about_what_is_elsewhere(bob: RemoteActor, own: Post) -> None:
    hers = post(neighbour("eve"), 1, "hers")
    before = everything()
    assert does(bob, "QuoteRequest", object=hers.uri, instrument=quoting(bob, hers)) == "unknown_object"
    assert everything() == before


def test_a_stamp_is_for_one_post_that_quotes_one_other(bob: RemoteActor, own: Post) -> None:
    stamp = stamped(bob, own)
    other = post(own.author, 2, "another")  # type: ignore[arg-type]
    eve = neighbour("eve")
    forged = (
        (bob, quoting(bob, own, id=f"{bob.uri}/objects/6", quoteAuthorization=stamp)),
        (bob, quoting(bob, other, id=f"{bob.uri}/objects/7", quoteAuthorization=stamp)),
        (eve, quoting(eve, own, quoteAuthorization=stamp)),
        (bob, quoting(bob, own, id=f"{bob.uri}/objects/8", quoteAuthorization=f"{stamp}0")),
        (bob, quoting(bob, own, id=f"{bob.uri}/objects/9", quoteAuthorization=own.uri)),
    )
    for author, note in forged:
        assert does(author, "Create", object=note) == "done"
    assert set(Post.objects.filter(author__host="").values_list("quote_authorization", flat=True)) == {""}
    assert set(Post.objects.exclude(author__host="").values_list("quote_authorization", flat=True)) == {""}
    assert not Notification.objects.exists()


@pytest.mark.parametrize("seen_by", [Visibility.PRIVATE, Visibility.DIRECT])
def test_what_few_may_read_is_quoted_by_nobody(bob: RemoteActor, own: Post, seen_by: Visibility) -> None:
    Post.objects.update(visibility=seen_by)
    own.mentions.create(actor=bob)
    assert does(bob, "QuoteRequest", object=own.uri, instrument=quoting(bob, own)) == "done"
    assert (answer()["type"], answer().get("result")) == ("Reject", None)
    assert not QuoteRequest.objects.exists()


def test_who_is_not_wanted_gets_no_stamp(bob: RemoteActor, own: Post) -> None:
    HostBlock.objects.create(actor=own.author, host=bob.host)
    assert does(bob, "QuoteRequest", object=own.uri, instrument=quoting(bob, own)) == "done"
    assert answer()["type"] == "Reject"
    Block.objects.create(actor=own.author, target=bob)
    assert does(bob, "QuoteRequest", object=own.uri, instrument=quoting(bob, own)) == "unknown_object"


# --- Given -------------------------------------------------------------------------------------------


def test_who_asks_gets_a_stamp_that_everybody_can_read(bob: RemoteActor, own: Post, person: Person) -> None:
    stamp = stamped(bob, own)
    said = answer()
    assert (said["type"], said["actor"], said["to"]) == ("Accept", own.author.uri, [bob.uri])
    assert (said["object"]["type"], said["object"]["object"]) == ("QuoteRequest", own.uri)
    found = quote_authorization(document(person.wire, stamp))
    assert found is not None
    assert (found.attributed_to, found.interacting_object, found.interaction_target) == (
        own.author.uri,
        f"{bob.uri}/objects/5",
        own.uri,
    )


def test_a_post_with_its_stamp_quotes_and_its_author_is_told(bob: RemoteActor, own: Post) -> None:
    stamp = stamped(bob, own)
    assert does(bob, "Create", object=quoting(bob, own, quoteAuthorization=stamp)) == "done"
    row = Post.objects.get(author=bob)
    assert (row.quote_id, row.quote_authorization) == (own.pk, stamp)
    told = Notification.objects.get()
    assert (told.type, told.actor_id, told.post_id) == ("quote", bob.pk, row.pk)


def test_a_post_that_came_before_its_stamp_quotes_from_then_on(bob: RemoteActor, own: Post) -> None:
    assert does(bob, "Create", object=quoting(bob, own)) == "done"
    assert Post.objects.get(author=bob).quote_authorization == ""
    stamp = stamped(bob, own)
    assert Post.objects.get(author=bob).quote_authorization == stamp
    assert Notification.objects.get().type == "quote"


def test_the_policy_of_a_post_is_what_the_answers_are(own: Post, person: Person) -> None:
    policy = document(person.wire, own.uri)["interactionPolicy"]
    assert policy == {"canQuote": {"automaticApproval": [f"{STREAMS}#Public"]}}


def test_with_the_post_goes_the_stamp(bob: RemoteActor, alice: LocalActor, own: Post, person: Person) -> None:
    stamp = stamped(bob, own)
    delete_post(alice, own)
    assert not QuoteRequest.objects.exists()
    assert get(person.wire, stamp).status in (404, 410)
