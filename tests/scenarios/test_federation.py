"""Two servers and their people, over real sockets."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.live import MANAGE, REPOSITORY, LiveServer
from tests.people import Answer, LiveWire, Person

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
PATIENCE = 30.0

# One process beside each server, or every look at its rows would cost a start of Django.
_READER = """
import json, sys
from django.utils import timezone
from activitypub.models import *
for line in sys.stdin:
    statements, expression = json.loads(line)
    now = timezone.now()
    exec(statements)
    print(json.dumps(eval(expression)), flush=True)
"""


class Neighbour:
    """A server, and somebody of it."""

    def __init__(self, folder: Path, *, new: bool = False) -> None:
        folder.mkdir()
        self.server = LiveServer(folder, env={"HVX_FEDERATION_ALLOW_PRIVATE": "true"}, new=new)
        self._reader: subprocess.Popen[str] | None = None

    def settle(self) -> None:
        self.wire = LiveWire(self.server.url, self.server.origin)
        self.person = self.newcomer()
        self.uri = self.uri_of(self.person)

    def newcomer(self) -> Person:
        """Another person of this server."""
        person = Person(self.wire)
        person.register().expect(201)
        return person

    def uri_of(self, person: Person) -> str:
        return f"{self.server.origin}/users/{person.username}"

    def publish(self, body: dict[str, Any], person: Person | None = None) -> dict[str, Any]:
        """What became of an activity posted to the outbox of the person, or of another one."""
        activity: dict[str, Any] = self.posted(body, person or self.person).expect(201).json
        return activity

    def posted(self, body: dict[str, Any], person: Person) -> Answer:
        return person.handset.call("POST", f"/users/{person.username}/outbox", body)

    def asked(self, expression: str, *statements: str) -> Any:
        """The value of an expression over the server's rows, after these changes to them."""
        if self._reader is None:
            self._reader = self._started()
        assert self._reader.stdin is not None
        assert self._reader.stdout is not None
        self._reader.stdin.write(json.dumps(["\n".join(statements), expression]) + "\n")
        self._reader.stdin.flush()
        return json.loads(self._reader.stdout.readline())

    def is_due(self, *statements: str) -> None:
        """Let all that the server does by the clock be due, after these changes to its rows."""
        self.asked("Errand.objects.update(due_at=now)", *statements)

    def close(self) -> None:
        self.wire.close()
        if self._reader is not None:
            self._reader.communicate()

    def _started(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*MANAGE, "shell", "--no-imports", "-c", _READER],
            env=self.server.env,
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def becomes(self, expression: str, value: Any) -> None:
        """Wait until an expression has a value; deliveries take their moment."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.asked(expression)) != value:
            assert time.monotonic() < deadline, f"{expression} is {found!r}, not {value!r}"


@pytest.fixture
def neighbours(tmp_path: Path) -> Iterator[tuple[Neighbour, Neighbour]]:
    one, other = Neighbour(tmp_path / "one"), Neighbour(tmp_path / "other", new=True)
    with ExitStack() as running:
        for neighbour in (one, other):
            running.enter_context(neighbour.server)
            neighbour.settle()
            running.callback(neighbour.close)
        yield one, other


def test_people_of_two_servers_follow_write_answer_like_boost_edit_and_delete(
    neighbours: tuple[Neighbour, Neighbour],
) -> None:
    one, other = neighbours
    accepted = "Follow.objects.filter(state='accepted').count()"
    other.publish({"type": "Follow", "object": one.uri})
    one.becomes(accepted, 1)
    other.becomes(accepted, 1)

    note = {
        "type": "Note",
        "content": "<p>good <b>morning</b></p>",
        "to": [PUBLIC],
        "cc": [f"{one.uri}/followers"],
    }
    uri = one.publish(note)["object"]["id"]
    written = f"Post.objects.filter(uri={uri!r})"
    other.becomes(f"list({written}.values_list('content', flat=True))", ["<p>good <b>morning</b></p>"])

    answer = {
        "type": "Note",
        "content": "<p>and to you</p>",
        "inReplyTo": uri,
        "to": [PUBLIC],
        "cc": [one.uri],
    }
    answered = other.publish(answer)["object"]["id"]
    liked = other.publish({"type": "Like", "object": uri})
    other.publish({"type": "Announce", "object": uri, "to": [PUBLIC], "cc": [one.uri]})
    counted = f"list({written}.values_list('replies_count', 'likes_count', 'boosts_count').get())"
    one.becomes(counted, [1, 1, 1])
    assert one.asked(f"Post.objects.get(uri={answered!r}).in_reply_to.uri") == uri

    other.publish({"type": "Undo", "object": liked["id"]})
    one.becomes(counted, [1, 0, 1])

    one.publish({"type": "Update", "object": {**note, "id": uri, "content": "<p>good evening</p>"}})
    other.becomes(f"{written}.get().content", "<p>good evening</p>")

    one.publish({"type": "Delete", "object": uri})
    other.becomes(f"{written}.count()", 0)

    other.publish({"type": "Undo", "object": {"type": "Follow", "object": one.uri}})
    one.becomes("Follow.objects.count()", 0)
    # What one has worked through, the other may still be writing off: its row goes after the answer.
    for server in (one, other):
        server.becomes("Delivery.objects.count()", 0)


def test_who_moves_takes_the_followers_of_both_servers_along(neighbours: tuple[Neighbour, Neighbour]) -> None:
    one, other = neighbours
    here, there = one.newcomer(), other.newcomer()
    one.publish({"type": "Follow", "object": one.uri}, here)
    other.publish({"type": "Follow", "object": one.uri}, there)
    one.becomes("Follow.objects.filter(state='accepted').count()", 2)
    other.becomes("Follow.objects.filter(state='accepted').count()", 1)

    move = {"type": "Move", "object": one.uri, "target": other.uri}
    assert one.posted(move, one.person).refusal == (422, "move_refused")
    other.publish({"type": "Update", "object": {"id": other.uri, "alsoKnownAs": [one.uri]}})
    one.publish(move)

    followed = "sorted(Follow.objects.filter(state='accepted').values_list('follower__uri', 'followee__uri'))"
    one.becomes(followed, [[one.uri_of(here), other.uri]])
    other.becomes(followed, sorted([[one.uri_of(here), other.uri], [other.uri_of(there), other.uri]]))
    other.becomes(f"Actor.objects.get(uri={one.uri!r}).moved_to", other.uri)
    for neighbour in neighbours:
        told = "Notification.objects.filter(type='moved', actor__uri={!r}).count()"
        neighbour.becomes(told.format(one.uri), 1)

    note = {"type": "Note", "content": "<p>anybody here?</p>", "to": [PUBLIC]}
    assert one.posted(note, one.person).refusal == (403, "actor_moved")
    one.publish({"type": "Update", "object": {"id": one.uri, "movedTo": None}})
    one.publish(note)


def test_a_conversation_of_another_server_is_found_by_its_replies(
    neighbours: tuple[Neighbour, Neighbour],
) -> None:
    one, other = neighbours
    friend, root = one.newcomer(), _note(one, "who comes along?")
    own = _note(one, "I do", inReplyTo=root)
    one.publish({"type": "Create", "object": _said("a secret", to=[], inReplyTo=root)})
    theirs = one.publish({"type": "Create", "object": _said("me too", inReplyTo=root)}, one.newcomer())
    # Of all that, the other server is sent one answer, by whom somebody there follows.
    other.publish({"type": "Follow", "object": one.uri_of(friend)})
    one.becomes(f"Follow.objects.filter(state='accepted', followee__uri={one.uri_of(friend)!r}).count()", 1)
    last = one.publish({"type": "Create", "object": _said("and I", inReplyTo=root)}, friend)
    found = sorted([root, own, theirs["object"]["id"], last["object"]["id"]])
    other.becomes("sorted(Post.objects.values_list('uri', flat=True))", found)
    other.becomes(f"Post.objects.get(uri={root!r}).replies_count", 3)


def _said(text: str, **members: Any) -> dict[str, Any]:
    return {"type": "Note", "content": f"<p>{text}</p>", "to": [PUBLIC], **members}


def _note(neighbour: Neighbour, text: str, **members: Any) -> str:
    """The id of a note of its person."""
    activity = neighbour.publish({"type": "Create", "object": _said(text, **members)})
    uri: str = activity["object"]["id"]
    return uri


def test_polls_are_voted_in_by_both_servers_and_both_are_told_their_ends(
    neighbours: tuple[Neighbour, Neighbour],
) -> None:
    one, other = neighbours
    _is_asked_and_ends(one, other)
    _is_asked_and_ends(other, one)


def _is_asked_and_ends(one: Neighbour, other: Neighbour) -> None:
    """A poll of one server, from the question to its end, with a vote of each."""
    here = one.newcomer()
    other.publish({"type": "Follow", "object": one.uri})
    one.becomes(f"Follow.objects.filter(state='accepted', followee__uri={one.uri!r}).count()", 1)
    question = {
        "type": "Question",
        "content": "<p>which?</p>",
        "to": [PUBLIC],
        "cc": [f"{one.uri}/followers"],
        "oneOf": [{"type": "Note", "name": name} for name in ("tea", "coffee")],
        "endTime": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
    }
    uri = one.publish(question)["object"]["id"]
    post = f"Post.objects.get(uri={uri!r})"
    other.becomes(f"Post.objects.filter(uri={uri!r}).count()", 1)

    votes = f"[option['votes'] for option in {post}.poll['options']]"
    one.publish({"type": "Note", "inReplyTo": uri, "name": "coffee"}, here)
    other.publish({"type": "Note", "inReplyTo": uri, "name": "tea"})
    one.becomes(votes, [1, 1])
    again = other.posted({"type": "Note", "inReplyTo": uri, "name": "coffee"}, other.person)
    assert again.refusal == (422, "poll_refuses_vote")
    assert other.asked(votes) == [0, 0]
    one.is_due("Errand.objects.exclude(kind='poll_told').delete()")
    other.becomes(votes, [1, 1])

    over = f"post = {post}", "post.poll['end_time'] = now.isoformat()", "post.save()"
    end = "Errand.objects.create(kind='poll_ended', post=post, due_at=now)"
    one.is_due(*over, end)
    ended = f"Notification.objects.filter(type='poll', post__uri={uri!r})"
    told = f"sorted({ended}.values_list('recipient__uri', 'actor__uri'))"
    one.becomes(told, sorted([[one.uri, one.uri], [one.uri_of(here), one.uri]]))
    other.becomes(told, [[other.uri, one.uri]])
    assert other.asked(votes) == [1, 1]
    assert other.asked(f"bool({post}.poll['closed'])")
    late = one.posted({"type": "Note", "inReplyTo": uri, "name": "tea"}, one.newcomer())
    assert late.refusal == (422, "poll_refuses_vote")
    for server in (one, other):
        server.becomes("Errand.objects.count()", 0)


def test_who_is_quoted_by_the_other_server_says_so_and_takes_it_back(
    neighbours: tuple[Neighbour, Neighbour],
) -> None:
    one, other = neighbours
    accepted = "Follow.objects.filter(state='accepted').count()"
    one.publish({"type": "Follow", "object": other.uri})
    other.becomes(accepted, 1)
    note = {"type": "Note", "content": "<p>a quiet morning</p>", "to": [PUBLIC]}
    policy = {"canQuote": {"automaticApproval": [f"{one.uri}/followers"], "manualApproval": [PUBLIC]}}
    quoted = one.publish({**note, "interactionPolicy": policy})["object"]["id"]

    quoting = other.publish({**note, "cc": [f"{other.uri}/followers"], "quote": quoted})["object"]["id"]
    quote = f"Post.objects.filter(uri={quoting!r}).values_list('quote_state', 'quote_authorization')"
    assert other.asked(f"list({quote})") == [["pending", ""]]
    # Who follows the other has the post, and is shown no quote without leave.
    told = "Notification.objects.filter(type='quote_request').count()"
    one.becomes(f"[*{quote}, {told}]", [["pending", ""], 1])

    request = one.asked("QuoteRequest.objects.get().uri")
    stamp = one.publish({"type": "Accept", "object": request})["result"]
    counted = f"Post.objects.get(uri={quoted!r}).quotes_count"
    for neighbour in neighbours:
        neighbour.becomes(f"[*{quote}, {counted}]", [["accepted", stamp], 1])

    one.publish({"type": "Delete", "object": stamp})
    other.becomes(f"[*{quote}, {counted}]", [["revoked", ""], 0])
    one.becomes(f"[*{quote}, {counted}]", [["", ""], 0])


def test_a_changed_profile_is_read_by_the_other_server_and_who_approves_followers_is_asked(
    neighbours: tuple[Neighbour, Neighbour],
) -> None:
    one, other = neighbours
    states = "sorted(Follow.objects.values_list('follower__uri', 'state'))"
    other.publish({"type": "Follow", "object": one.uri})
    other.becomes(states, [[other.uri, "accepted"]])

    profile = {
        "name": "Alice",
        "summary": "<p>a quiet person</p>",
        "icon": f"{one.server.origin}/alice.png",
        "attachment": [{"type": "PropertyValue", "name": "Home", "value": "here"}],
        "manuallyApprovesFollowers": True,
    }
    one.publish({"type": "Update", "object": {"id": one.uri, **profile}})
    read = f"Actor.objects.values_list('display_name', 'summary', 'icon', 'locked').get(uri={one.uri!r})"
    other.becomes(f"[*{read}]", ["Alice", profile["summary"], profile["icon"], True])
    assert other.asked(f"Actor.objects.get(uri={one.uri!r}).fields") == [{"name": "Home", "value": "here"}]

    late, refused = other.newcomer(), other.newcomer()
    for newcomer in (late, refused):
        other.publish({"type": "Follow", "object": one.uri}, newcomer)
    names = [other.uri_of(late), other.uri_of(refused)]
    waiting = sorted([[other.uri, "accepted"], *([name, "requested"] for name in names)])
    one.becomes(states, waiting)
    assert other.asked(states) == waiting

    inbox = one.person.handset.call("GET", f"/users/{one.person.username}/inbox?page=first").expect(200)
    asked = {item["actor"]: item["id"] for item in inbox.json["orderedItems"] if item["type"] == "Follow"}
    assert asked.keys() >= set(names)
    one.publish({"type": "Accept", "object": asked[names[0]]})
    one.publish({"type": "Reject", "object": asked[names[1]]})
    other.becomes(states, sorted([[other.uri, "accepted"], [names[0], "accepted"]]))
    assert one.asked(states) == other.asked(states)


def test_what_clients_do_and_read_reaches_the_other_server_once_though_a_server_is_killed(
    neighbours: tuple[Neighbour, Neighbour],
) -> None:
    one, other = neighbours
    note = {"type": "Note", "content": "<p>for you alone</p>", "to": [other.uri]}

    def once() -> Answer:
        path, key = f"/users/{one.person.username}/outbox", {"Idempotency-Key": "a lost answer"}
        return one.person.handset.call("POST", path, note, headers=key).expect(201)

    first = once()
    one.server.kill()
    one.server.start()
    # Who signs anew needs a nonce of the server that runs now.
    one.person.handset.call("GET", "instance")
    again = once()
    assert (again.json, again.headers["location"]) == (first.json, first.json["id"])
    uri = first.json["object"]["id"]
    other.becomes("Post.objects.count()", 1)

    read = other.person.handset.call("GET", f"/users/{other.person.username}/inbox?page=first").expect(200)
    [create] = read.json["orderedItems"]
    assert (create["type"], create["actor"], create["object"]["id"]) == ("Create", one.uri, uri)

    other.publish({"type": "EmojiReact", "object": uri, "content": "🎉"})
    one.becomes("list(Like.objects.values_list('emoji', 'actor__uri'))", [["🎉", other.uri]])
    other.publish({"type": "Flag", "object": [one.uri, uri], "to": one.uri, "content": "rude"})
    reports = "list(Report.objects.values_list('reporter__uri', 'target__uri', 'comment'))"
    one.becomes(reports, [[f"{other.server.origin}/actor", one.uri, "rude"]])
    assert one.asked("Report.objects.get().post_uris") == [uri]

    one.publish({"type": "Follow", "object": other.uri})
    other.becomes("Follow.objects.filter(state='accepted').count()", 1)
    other.publish({"type": "Block", "object": one.server.origin})
    one.becomes("Follow.objects.count()", 0)
    assert other.asked("HostBlock.objects.count()") == 1
    assert one.asked("Post.objects.count()") == 1
