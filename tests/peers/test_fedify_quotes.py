"""Quotes by leave of who is quoted (FEP-044f), both ways, between this server and one on Fedify."""

import pytest

from tests.peers.conftest import Met
from tests.peers.fedify_peer import PUBLIC

pytestmark = pytest.mark.needs("fedify")


def test_bob_quotes_alice_by_a_stamp_that_fedify_can_read(met: Met) -> None:
    quoted = met.alice.publish("Create", {"type": "Note", "content": "<p>quote me</p>", "to": [PUBLIC]})
    uri = quoted["object"]["id"]
    quoting = met.bob.note("<p>look</p>", quote=uri)
    met.peer.keeps(quoting)
    asked = met.says("QuoteRequest", uri, instrument=quoting)
    answer = met.peer.hears(type="Accept", about=asked)
    stamp = met.peer.ask("look", url=answer["result"])
    assert stamp["type"] == "QuoteAuthorization"
    assert (stamp["attributedTo"], stamp["interactionTarget"]) == (met.alice.uri, uri)
    assert stamp["interactingObject"] == quoting["id"]


def test_alice_quotes_bob_once_he_has_given_a_stamp(met: Met) -> None:
    quoted = met.bob.note("<p>quote me</p>")
    met.says("Create", quoted, to=[PUBLIC])
    note = {"type": "Note", "content": "<p>look</p>", "quote": quoted["id"], "to": [PUBLIC]}
    quoting = met.alice.publish("Create", note)["object"]["id"]
    asked = met.peer.hears(type="QuoteRequest", about=quoted["id"])
    assert asked["instrument"]["id"] == quoting
    stamp = {
        "id": met.peer.new_uri("stamps"),
        "type": "QuoteAuthorization",
        "attributedTo": met.bob.uri,
        "interactingObject": quoting,
        "interactionTarget": quoted["id"],
    }
    met.peer.keeps(stamp)
    met.says("Accept", asked["id"], result=stamp["id"])
    told = met.peer.hears(type="Update", about=quoting)["object"]
    assert (told["quote"], told["quoteAuthorization"]) == (quoted["id"], stamp["id"])
