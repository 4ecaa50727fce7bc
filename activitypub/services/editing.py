"""Changing and deleting what was published."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from django.db import transaction
from django.utils import timezone

from activitypub import rendering
from activitypub.errors import NotYours, UnknownPost
from activitypub.models import Actor, Boost, Like, LocalActor, Post, QuoteRequest, RemoteActor, Sent, Vote
from activitypub.protocol.documents import objects
from activitypub.services import posts, publishing, sending
from activitypub.services.presence import require_active, require_here
from activitypub.services.publishing import Draft, Published


def edit_post(actor: LocalActor, post: Post, draft: Draft) -> Published:
    """Let a post say something else, and tell all who have it. What it said before is kept as an Edition.

    Whom it is for, what it answers, its type and its poll stay as they are, whatever the draft says; who is
    named anew gets it too. An edit that changes nothing is sent to nobody.

    Raises as publishing.create_post, NotYours, UnknownPost where it was deleted meanwhile.
    """
    return prepare_edit(actor, post, draft)()


def prepare_edit(actor: LocalActor, post: Post, draft: Draft) -> Callable[[], Published]:
    """All of `edit_post` that may wait for other servers; what is given back does the rest, in one
    transaction."""
    if post.author_id != actor.pk:
        raise NotYours
    draft = publishing.like_before(post, draft)
    composed, mentioned = publishing.written(actor, draft)
    now = timezone.now()
    document = publishing.document_of(actor, draft, composed, mentioned, post.published)

    @transaction.atomic
    def edit() -> Published:
        require_active(actor)
        row = _locked(post)
        kept = {"id": row.uri, "updated": now.isoformat(), **_poll_of(row)}
        changed = posts.revise(row, objects.post(document | kept), now=now)
        row.source, row.source_type = draft.text, draft.media_type
        row.save(update_fields=["source", "source_type"])
        activity = rendering.update_document(row, sending.new_activity_uri(actor))
        if changed:
            _send(actor, row, activity)
        return Published(row, activity)

    return edit


def send_again(actor: LocalActor, row: Post) -> None:
    """Send a post to all who have it as it is now, in the caller's transaction: it is no edit."""
    _send(actor, row, rendering.update_document(row, sending.new_activity_uri(actor)))


def pass_on(actor: LocalActor, row: Post, body: bytes, type_: str) -> None:
    """Pass on what somebody else says of a post to all who have it, as it came, in the caller's
    transaction."""
    to, followed = readers(row), publishing.followed(row)
    sending.pass_on(actor, body, type_=type_, to=to, followers_of=followed, object_uri=row.uri)


def readers(row: Post) -> Sequence[Actor]:
    """Who has a post, beside who follows its author."""
    return publishing.readers(row, _who_has(row))


def delete_post(actor: LocalActor, post: Post) -> Mapping[str, Any]:
    """End a post for good, here and wherever it is known. Returns the Delete.

    Raises NotYours, UnknownPost where it was deleted meanwhile, UnknownActor.
    """
    if post.author_id != actor.pk:
        raise NotYours
    with transaction.atomic():
        require_here(actor)
        return end_post(actor, post)


def end_post(actor: LocalActor, post: Post) -> Mapping[str, Any]:
    """The same in the caller's transaction, whoever wants it. Raises UnknownPost."""
    row = _locked(post)
    activity = rendering.delete_document(row, sending.new_activity_uri(actor))
    # Who was not told of it yet never is, and no outbox tells what it said.
    Sent.objects.filter(actor=actor, object_uri=row.uri).delete()
    _send(actor, row, activity)
    posts.delete(row, now=timezone.now())
    return activity


def mark_sensitive(post: Post, sensitive: bool) -> bool:
    """Put a warning before a post, or take it away, and tell all who have it where it is one of ours; whether
    that is new. In the caller's transaction. Raises UnknownPost."""
    row = _locked(post)
    if row.sensitive == sensitive:
        return False
    if row.author.host:
        row.sensitive = sensitive
        row.save(update_fields=["sensitive"])
        return True
    posts.keep_edition(row)
    row.sensitive, row.edited_at = sensitive, timezone.now()
    row.save(update_fields=["sensitive", "edited_at"])
    actor = LocalActor.objects.get(pk=row.author_id)
    _send(actor, row, rendering.update_document(row, sending.new_activity_uri(actor)))
    return True


def _poll_of(row: Post) -> Mapping[str, Any]:
    """A poll is asked once: its options and votes stay as they are."""
    return rendering.poll_members(row.poll)


def _locked(post: Post) -> Post:
    row = Post.objects.select_for_update(of=("self",)).select_related("author", "in_reply_to__author")
    found = row.filter(pk=post.pk).first()
    if found is None:
        raise UnknownPost
    return found


def _send(actor: LocalActor, post: Post, activity: Mapping[str, Any]) -> None:
    publishing.send_about(actor, post, activity, [*_who_has(post)], public=False)


def _who_has(post: Post) -> Iterable[Actor]:
    """Actors of other servers by whom their servers have it, beside the author's followers."""
    found = (
        post.mentions.values_list("actor"),
        Like.objects.filter(post=post).values_list("actor"),
        Boost.objects.filter(post=post).values_list("actor"),
        Vote.objects.filter(post=post).values_list("actor"),
        Post.objects.filter(in_reply_to=post).values_list("author"),
        Post.objects.filter(quote=post).values_list("author"),
        QuoteRequest.objects.filter(post=post).values_list("asker"),
    )
    keys = {pk for (pk,) in chain.from_iterable(rows.distinct().iterator() for rows in found)}
    return RemoteActor.objects.in_bulk(list(keys)).values()
