"""That either side refuses what is forged, replayed or changed on the way, in both schemes."""

import itertools
import re

import httpx
import pytest

from tests.peers.conftest import Met, befriend
from tests.peers.fedify_peer import CAVAGE, FedifyPeer

pytestmark = pytest.mark.needs("fedify")

LONG_AGO = "Mon, 02 Mar 2026 00:00:00 GMT"
_numbers = itertools.count()


def later(headers: dict[str, str]) -> dict[str, str]:
    """The headers as of another second, though signed for the one."""
    if "signature-input" not in headers:
        return {"date": LONG_AGO}
    moved = re.sub(r"created=(\d+)", lambda found: f"created={int(found[1]) + 1}", headers["signature-input"])
    assert moved != headers["signature-input"]
    return {"signature-input": moved}


def test_fedify_itself_finds_all_that_we_sent_signed_by_the_scheme_that_it_asked_for(met: Met) -> None:
    met.alice.publish("Create", {"type": "Note", "content": "<p>signed</p>", "to": [met.bob.uri]})
    met.peer.hears(type="Create")
    came = met.peer.came()
    taken = [(one["scheme"], one["key"]) for one in came if one["status"] == 202]
    assert set(taken) >= {(met.scheme, f"{met.alice.uri}#main-key")}
    assert {scheme for scheme, _ in taken} == {met.scheme}
    # The other scheme is tried once, before it is known which one the peer takes.
    refused = [one["scheme"] for one in came if one["status"] != 202]
    assert refused == ([] if met.scheme == CAVAGE else [CAVAGE])


def test_fedify_takes_our_request_once_and_refuses_it_changed(met: Met) -> None:
    like = met.bob.note("<p>like this</p>")
    met.says("Create", like)
    met.alice.publish("Like", like["id"])
    liked = met.peer.hears(type="Like", about=like["id"])
    came = next(one for one in met.peer.came() if liked["id"] in one["body"] and one["status"] == 202)
    carol = met.peer.actor("carol")

    def sent(body: str, path: str = "", **headers: str) -> int:
        url = f"{met.peer.origin}{path or came['path']}"
        kept = {name: value for name, value in came["headers"] if name != "content-length"}
        return httpx.post(url, content=body, headers={**kept, **headers}).status_code

    changed = came["body"].replace('"Like"', '"Dislike"')
    assert changed != came["body"]
    assert sent(changed) == 401
    # What says when it was signed, by either scheme.
    assert sent(came["body"], **later(dict(came["headers"]))) == 401
    assert sent(came["body"], path=carol.inbox.removeprefix(met.peer.origin)) == 401
    assert sent(came["body"]) == 202
    assert met.peer.has_heard(id=liked["id"]) == 1


def test_we_take_either_scheme_by_any_of_an_actors_keys_and_refuse_what_is_spoilt(met: Met) -> None:
    inbox = f"{met.alice.uri}/inbox"
    mallory = met.peer.actor(f"mallory{next(_numbers)}")
    for key, place in enumerate((inbox, f"{met.home.origin}/inbox")):
        activity = met.bob.activity("Like", met.alice.uri)
        status, _ = met.bob.knock(place, activity, scheme=met.scheme, key=key)
        assert status == 202
        assert met.home.outcome(activity["id"])

    for spoilt in (
        {"activity": met.bob.activity("Follow", met.alice.uri)},
        {"keyId": f"{mallory.uri}#main-key"},
        {"keyId": f"{met.bob.uri}#no-key"},
        {"inbox": f"{met.home.origin}/inbox"},
        {"headers": {"Date": LONG_AGO}},
        {"headers": {"Signature": ""}},
    ):
        activity = met.bob.activity("Follow", met.alice.uri)
        status, body = met.bob.knock(inbox, activity, scheme=met.scheme, spoilt=spoilt)
        assert status == 401, (spoilt, body)


def test_after_a_rotation_fedify_hears_what_the_new_key_signs(met: Met) -> None:
    with FedifyPeer(knocks=met.scheme) as peer:
        olga, alice = peer.actor("olga"), met.home.newcomer()
        befriend(alice, olga)
        known = {one["key"] for one in peer.came()}
        met.home.server.manage("federation", "rotate-keys", alice.name)
        told = alice.publish("Create", {"type": "Note", "content": "<p>anew</p>", "to": [olga.uri]})
        peer.hears(id=told["id"])
        came = next(one for one in peer.came() if told["id"] in one["body"])
        assert came["key"] is not None
        assert came["key"] not in known
