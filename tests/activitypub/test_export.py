"""What an export has of an account's life in the fediverse."""

from django.utils import timezone

from activitypub import export
from activitypub.models import Delivery, Follow, Sent
from tests.accounts.test_export import ask, opened
from tests.activitypub.living import live
from tests.activitypub.test_actors import actor_of, remote, uri_of
from tests.people import Person


def test_everything_that_an_actor_has_is_in_it_once(person: Person) -> None:
    actor, bob = actor_of(person), remote()
    life = live(actor, bob)
    Delivery.objects.create(
        activity=Sent.objects.get(), inbox=bob.inbox, host=bob.host, due_at=timezone.now()
    )
    files = opened(ask(person.handset).expect(200).body)
    assert files["actor.json"]["uri"] == uri_of(person)
    rows = {each.name: files[f"{each.name}.json"] for each in export.ROWS}
    assert {name: len(found) for name, found in rows.items() if len(found) != 1} == {"actor-keys": 2}
    assert rows["followers"][0]["follower"] == rows["follows"][0]["followee"] == bob.uri
    assert (rows["followers"][0]["state"], rows["follows"][0]["state"]) == ("accepted", "requested")
    assert rows["posts"][0]["content"] == "a quiet morning"
    assert rows["posts"][0]["in_reply_to"] == rows["likes"][0]["post"] == life.foreign.uri
    assert rows["editions"][0]["post"] == rows["pins"][0]["post"] == life.own.uri
    assert rows["mentions"][0]["actor"] == rows["blocks"][0]["target"] == bob.uri
    assert rows["mentioned-in"][0]["post"] == life.foreign.uri
    assert {row["key_id"] for row in rows["actor-keys"]} == {
        f"{uri_of(person)}#main-key",
        f"{uri_of(person)}#ed25519-key",
    }
    assert all("private" not in row for row in rows["actor-keys"])


def test_who_blocks_mutes_or_reports_one_is_not_told(person: Person) -> None:
    bob = remote()
    live(actor_of(person), bob)
    files = opened(ask(person.handset).expect(200).body)
    for name in ("blocks", "mutes", "reports"):
        [row] = files[f"{name}.json"]
        assert row["target"] == bob.uri
    assert f"a complaint about {person.username}" not in str(files)


def test_what_two_others_do_is_not_in_it(person: Person) -> None:
    bob, carol = remote(), remote("carol")
    Follow.objects.create(follower=bob, followee=carol)
    files = opened(ask(person.handset).expect(200).body)
    assert "remote.example" not in str(files)
