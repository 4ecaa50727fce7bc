"""Where both servers show themselves to signed GETs alone, and where a proof says by itself who wrote."""

from collections.abc import Iterator, Sequence

import httpx
import pytest

from tests.peers.conftest import Met, befriend
from tests.peers.fedify_peer import CAVAGE, ED25519, PROOF, PUBLIC, RFC9421, RSA, FedifyPeer
from tests.peers.home import Home

pytestmark = pytest.mark.needs("fedify")

ACTIVITY = {"Accept": "application/activity+json", "Content-Type": "application/activity+json"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A server in secure mode whose activities have proofs."""
    env = {"HVX_FEDERATION_SECURE_MODE": "true", "HVX_FEDERATION_PROOFS": "true"}
    with Home(tmp_path_factory.mktemp("guarded"), env) as home:
        yield home


@pytest.fixture(scope="module", params=[CAVAGE, RFC9421])
def strangers(request: pytest.FixtureRequest, guarded: Home) -> Iterator[Met]:
    """As `met`, but that neither shows an actor to who does not sign."""
    with FedifyPeer(knocks=request.param, secure=True) as peer:
        met = Met(guarded, peer, request.param, guarded.newcomer(), peer.actor("bob"))
        befriend(met.alice, met.bob)
        yield met


def test_neither_shows_an_actor_or_a_post_without_a_signature(strangers: Met) -> None:
    met = strangers
    own = met.alice.publish("Create", {"type": "Note", "content": "<p>ours</p>", "to": [PUBLIC]})["object"][
        "id"
    ]
    theirs = met.bob.note("<p>theirs</p>")
    met.says("Create", theirs, to=[PUBLIC])
    for url in (met.alice.uri, own, met.bob.uri, theirs["id"]):
        assert httpx.get(url, headers=ACTIVITY).status_code == 401, url
    assert met.peer.ask("look", url=met.alice.uri) is None
    assert met.peer.ask("look", url=met.alice.uri, by="bob")["id"] == met.alice.uri
    assert met.peer.ask("look", url=own, by="bob")["content"] == "<p>ours</p>"
    walked = met.peer.ask("walk", url=f"{met.alice.uri}/outbox", by="bob")
    assert own in [one["object"]["id"] for one in walked["found"]]


def test_we_fetch_with_a_signature_what_fedify_shows_to_nobody_else(strangers: Met) -> None:
    carol = strangers.peer.actor("carol")
    note = carol.note("<p>never sent</p>")
    strangers.peer.keeps(note)
    strangers.says("Announce", note["id"], to=[PUBLIC])
    kept = f"list(Post.objects.filter(uri={note['id']!r}).values_list('author__uri', 'content'))"
    assert strangers.home.asked(kept) == [[carol.uri, "<p>never sent</p>"]]


@pytest.mark.parametrize("keys", [(ED25519,), (RSA, ED25519)], ids=["proven", "proven and signed"])
def test_we_believe_what_fedify_proves(strangers: Met, keys: Sequence[str]) -> None:
    met = strangers
    note = met.bob.note("<p>proven</p>")
    create = met.bob.say(met.alice.uri, met.bob.activity("Create", note, to=[PUBLIC]), keys)
    assert met.home.outcome(create) == "done"
    assert met.home.asked(f"Post.objects.filter(uri={note['id']!r}).get().author.uri") == met.bob.uri


def test_fedify_believes_a_post_of_ours_by_its_proof_alone_and_no_other_word_of_it(strangers: Met) -> None:
    strangers.peer.demand(PROOF)
    created = strangers.alice.publish(
        "Create", {"type": "Note", "content": "<p>proven</p>", "to": [strangers.bob.uri]}
    )
    heard = strangers.peer.hears(id=created["id"])
    assert heard["object"]["content"] == "<p>proven</p>"
    came = next(one for one in strangers.peer.came() if created["id"] in one["body"])
    assert came["proof"]
    changed = came["body"].replace("proven", "forged").replace(created["id"], created["id"] + "0")
    inbox = f"{strangers.peer.origin}{came['path']}"
    assert httpx.post(inbox, content=changed, headers=ACTIVITY).status_code == 401
    assert httpx.post(inbox, content=came["body"], headers=ACTIVITY).status_code == 202
    assert strangers.peer.has_heard(id=created["id"]) == 1
    strangers.peer.demand(None)


def test_fedify_finds_alices_new_keys_after_a_rotation(strangers: Met) -> None:
    met = strangers
    before = {one["key"] for one in met.peer.came()}
    met.home.server.manage("federation", "rotate-keys", met.alice.name)
    created = met.alice.publish("Create", {"type": "Note", "content": "<p>anew</p>", "to": [met.bob.uri]})
    met.peer.hears(id=created["id"])
    came = next(one for one in met.peer.came() if created["id"] in one["body"])
    assert came["proof"]
    assert came["scheme"] in (CAVAGE, RFC9421)
    assert came["key"] not in before
