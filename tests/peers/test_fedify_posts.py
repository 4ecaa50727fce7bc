"""Posts and what people do with them, both ways, between this server and one on Fedify."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.peers.conftest import Met
from tests.peers.fedify_peer import PUBLIC

pytestmark = pytest.mark.needs("fedify")


def test_what_bob_writes_and_edits_and_deletes_is_the_same_here(met: Met) -> None:
    handle = f"@{met.alice.name}@{met.home.origin.removeprefix('http://')}"
    note = met.bob.note(
        "<p>hello <script>no</script>@alice</p>",
        summary="greetings",
        sensitive=True,
        tag=[
            {"type": "Mention", "href": met.alice.uri, "name": handle},
            {"type": "Hashtag", "href": f"{met.peer.origin}/tags/Morning", "name": "#Morning"},
        ],
        attachment=[
            {"type": "Image", "mediaType": "image/png", "url": f"{met.peer.origin}/a.png", "name": "a cat"}
        ],
        cc=[met.alice.uri],
    )
    met.says("Create", note, to=[PUBLIC], cc=[met.alice.uri])
    kept = f"Post.objects.filter(uri={note['id']!r})"
    assert met.home.asked(
        f"list({kept}.values_list('content', 'summary', 'sensitive', 'visibility').get())"
    ) == [
        "<p>hello @alice</p>",
        "greetings",
        True,
        "public",
    ]
    assert met.home.asked(f"list({kept}.get().hashtags.values_list('name', flat=True))") == ["morning"]
    (picture,) = met.home.asked(f"{kept}.get().attachments")
    assert (picture["url"], picture["description"]) == (f"{met.peer.origin}/a.png", "a cat")
    mentions = f"list({kept}.get().mentions.values_list('actor__uri', flat=True))"
    assert met.home.asked(mentions) == [met.alice.uri]

    edited = note | {"content": "<p>good evening</p>", "updated": "2026-03-05T00:00:00Z"}
    met.says("Update", edited, to=[PUBLIC])
    assert met.home.asked(f"{kept}.get().content") == "<p>good evening</p>"
    assert met.home.asked(f"{kept}.get().editions.count()") == 1

    met.says("Delete", {"type": "Tombstone", "id": note["id"]}, to=[PUBLIC])
    assert met.home.asked(f"{kept}.count()") == 0


def test_what_alice_writes_and_edits_and_deletes_is_the_same_there(met: Met) -> None:
    note = {
        "type": "Note",
        "content": f"good {met.bob.handle} #Morning",
        "mediaType": "text/plain",
        "summary": "greetings",
        "sensitive": True,
        "attachment": [
            {"type": "Image", "mediaType": "image/png", "url": "https://media.example/a.png", "name": "a cat"}
        ],
        "to": [PUBLIC],
        "cc": [f"{met.alice.uri}/followers"],
    }
    created = met.alice.publish("Create", note)
    heard = met.peer.hears(id=created["id"])
    assert heard["actor"] == met.alice.uri
    told = heard["object"]
    assert (told["type"], told["attributedTo"], told["summary"]) == ("Note", met.alice.uri, "greetings")
    assert told["sensitive"] is True
    tags = {tag["type"]: tag for tag in told["tag"]}
    assert (tags["Mention"]["href"], tags["Mention"]["name"]) == (met.bob.uri, met.bob.handle)
    assert tags["Hashtag"]["name"].casefold() == "#morning"
    assert (told["attachment"]["url"], told["attachment"]["name"]) == ("https://media.example/a.png", "a cat")
    uri = created["object"]["id"]
    assert met.peer.ask("look", url=uri)["content"] == told["content"]

    edit = met.alice.publish("Update", {**note, "id": uri, "content": "good evening"})
    heard = met.peer.hears(id=edit["id"])["object"]
    assert "good evening" in heard["content"]
    assert heard["updated"]

    deleted = met.alice.publish("Delete", uri)
    assert met.peer.hears(id=deleted["id"])["object"]["type"] == "Tombstone"


def test_they_answer_each_other(met: Met) -> None:
    asked = met.bob.note("<p>who is there?</p>")
    met.says("Create", asked, to=[PUBLIC])
    answer = met.alice.publish(
        "Create",
        {
            "type": "Note",
            "content": "<p>me</p>",
            "inReplyTo": asked["id"],
            "to": [PUBLIC],
            "cc": [met.bob.uri],
        },
    )
    assert met.peer.hears(id=answer["id"])["object"]["inReplyTo"] == asked["id"]

    thanks = met.bob.note("<p>thanks</p>", inReplyTo=answer["object"]["id"], cc=[met.alice.uri])
    met.says("Create", thanks, to=[PUBLIC])
    assert met.home.asked(f"Post.objects.get(uri={thanks['id']!r}).in_reply_to.uri") == answer["object"]["id"]
    assert met.home.asked(f"Post.objects.get(uri={answer['object']['id']!r}).replies_count") == 1


def test_what_bob_likes_and_boosts_and_takes_back_is_counted_here(met: Met) -> None:
    uri = met.alice.publish("Create", {"type": "Note", "content": "<p>like me</p>", "to": [PUBLIC]})[
        "object"
    ]["id"]
    counted = f"list(Post.objects.values_list('likes_count', 'boosts_count').get(uri={uri!r}))"
    reactions = f"list(Like.objects.filter(post__uri={uri!r}).values_list('emoji', flat=True))"

    done = [met.bob.activity("Like", uri), met.bob.activity("Announce", uri, to=[PUBLIC], cc=[met.alice.uri])]
    for activity in done:
        assert met.home.outcome(met.bob.say(met.alice.uri, activity)) == "done"
    assert met.home.asked(counted) == [1, 1]
    for activity in done:
        met.says("Undo", activity)
    assert met.home.asked(counted) == [0, 0]

    reaction = met.bob.activity("EmojiReact", uri, content="🦊")
    assert met.home.outcome(met.bob.say(met.alice.uri, reaction)) == "done"
    assert met.home.asked(reactions) == ["🦊"]
    met.says("Undo", reaction)
    assert met.home.asked(reactions) == []


def test_what_alice_likes_and_boosts_and_takes_back_is_told_there(met: Met) -> None:
    note = met.bob.note("<p>like me</p>")
    met.says("Create", note, to=[PUBLIC])
    for kind, members in (("Like", {}), ("Announce", {"to": [PUBLIC]}), ("EmojiReact", {"content": "🦊"})):
        done = met.alice.publish(kind, note["id"], **members)
        heard = met.peer.hears(id=done["id"])
        assert (heard["type"], heard["actor"], heard["object"]) == (kind, met.alice.uri, note["id"])
        undone = met.alice.publish("Undo", done["id"])
        heard = met.peer.hears(id=undone["id"])["object"]
        assert (heard["type"], heard["id"]) == (kind, done["id"])


def test_alice_votes_there_and_bob_here(met: Met) -> None:
    options = [
        {"type": "Note", "name": name, "replies": {"type": "Collection", "totalItems": 0}}
        for name in ("tea", "coffee")
    ]
    ends = datetime.now(UTC) + timedelta(days=1)
    poll = {
        "type": "Question",
        "content": "<p>which?</p>",
        "oneOf": options,
        "endTime": f"{ends:%Y-%m-%dT%H:%M:%SZ}",
    }
    asked = poll | {
        "id": met.peer.new_uri("polls"),
        "attributedTo": met.bob.uri,
        "to": [PUBLIC],
        "votersCount": 0,
    }
    met.says("Create", asked, to=[PUBLIC])
    vote = {"type": "Note", "name": "coffee", "inReplyTo": asked["id"], "to": [met.bob.uri]}
    voted = met.alice.publish("Create", vote)
    heard = met.peer.hears(id=voted["id"])["object"]
    assert (heard["name"], heard["inReplyTo"]) == ("coffee", asked["id"])
    assert "content" not in heard

    options[1]["replies"] = {"type": "Collection", "totalItems": 1}
    met.says("Update", asked | {"votersCount": 1, "updated": "2026-03-05T00:00:00Z"}, to=[PUBLIC])
    told = met.home.asked(f"Post.objects.get(uri={asked['id']!r}).poll")
    assert ([option["votes"] for option in told["options"]], told["voters_count"]) == ([0, 1], 1)

    own = met.alice.publish("Create", {**poll, "to": [PUBLIC], "cc": [f"{met.alice.uri}/followers"]})
    heard = met.peer.hears(id=own["id"])["object"]
    assert [option["name"] for option in heard["oneOf"]] == ["tea", "coffee"]
    ballot = {"type": "Note", "name": "tea", "inReplyTo": own["object"]["id"], "attributedTo": met.bob.uri}
    met.says("Create", ballot | {"id": met.peer.new_uri("posts"), "to": [met.alice.uri]}, to=[met.alice.uri])
    told = met.home.asked(f"Post.objects.get(uri={own['object']['id']!r}).poll")
    assert ([option["votes"] for option in told["options"]], told["voters_count"]) == ([1, 0], 1)


def test_they_pin_posts_and_take_them_down(met: Met) -> None:
    note = met.bob.note("<p>look here</p>")
    met.says("Create", note, to=[PUBLIC])
    pinned = f"Pin.objects.filter(post__uri={note['id']!r}).count()"
    for kind, count in (("Add", 1), ("Remove", 0)):
        met.says(kind, note["id"], target=f"{met.bob.uri}/featured")
        assert met.home.asked(pinned) == count

    own = met.alice.publish("Create", {"type": "Note", "content": "<p>mine</p>", "to": [PUBLIC]})["object"][
        "id"
    ]
    for kind in ("Add", "Remove"):
        done = met.alice.publish(kind, own, target=f"{met.alice.uri}/featured")
        heard = met.peer.hears(id=done["id"])
        assert (heard["type"], heard["object"], heard["target"]) == (kind, own, f"{met.alice.uri}/featured")
