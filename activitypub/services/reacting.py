"""Likes and boosts by people of this server. Each does nothing the second time, and is told once."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from activitypub import rendering
from activitypub.errors import NotShared, TooManyReactions, UnknownReaction
from activitypub.models import Boost, Like, LocalActor, Post, Sent, Visibility
from activitypub.protocol.documents.interactions import Interaction
from activitypub.queries.posts import OPEN
from activitypub.services import boosts, likes, sending
from activitypub.services.permitting import require_permitted
from activitypub.services.presence import require_active, require_here, require_post


def like(actor: LocalActor, post: Post, emoji: str = "") -> Mapping[str, Any]:
    """Like a post that the actor was found to see, or react to it with an emoji. Returns the Like, or the
    EmojiReact. Raises InteractionRefused, TooManyReactions, UnknownPost, UnknownActor."""
    with transaction.atomic():
        require_active(actor)
        require_post(post)
        require_permitted(actor, post, Interaction.LIKE)
        new = likes.store(post, actor, uri=sending.new_activity_uri(actor), emoji=emoji)
        row = _likes_of(actor, post, emoji).first()
        if row is None:
            raise TooManyReactions
        document = rendering.like_document(row)
        if new:
            sending.send(actor, document, to=[post.author], object_uri=post.uri)
    return document


def unlike(actor: LocalActor, post: Post, emoji: str = "") -> Mapping[str, Any]:
    """End a like or a reaction. Returns the Undo. Raises UnknownReaction, UnknownActor."""
    with transaction.atomic():
        require_here(actor)
        ended = _likes_of(actor, post, emoji).first()
        if ended is None:
            raise UnknownReaction
        likes.undo(ended)
        document = rendering.undo_like_document(ended, sending.new_activity_uri(actor))
        sending.send(actor, document, to=[post.author], object_uri=post.uri)
    return document


def boost(actor: LocalActor, post: Post, visibility: Visibility = Visibility.PUBLIC) -> Mapping[str, Any]:
    """Show followers a post that is for everybody, or one's own that is for them. Returns the Announce.

    Raises NotShared, InteractionRefused, UnknownPost, UnknownActor.
    """
    own = post.author_id == actor.pk and post.visibility == Visibility.PRIVATE
    if visibility == Visibility.DIRECT or not (post.visibility in OPEN or own):
        raise NotShared
    # What few may see is not shown to more.
    seen_by = Visibility.PRIVATE if own else visibility
    now = timezone.now()
    with transaction.atomic():
        require_active(actor)
        require_post(post)
        require_permitted(actor, post, Interaction.ANNOUNCE)
        uri = sending.new_activity_uri(actor)
        new = boosts.store(post, actor, uri=uri, visibility=seen_by, published=now, now=now)
        document = rendering.announce_document(_boost_of(actor, post))
        if new:
            sending.send(
                actor,
                document,
                to=[post.author],
                to_followers=True,
                public=seen_by in OPEN,
                object_uri=post.uri,
            )
    return document


def unboost(actor: LocalActor, post: Post) -> Mapping[str, Any]:
    """Show it no more. Returns the Undo. Raises UnknownReaction, UnknownActor."""
    with transaction.atomic():
        require_here(actor)
        ended = _boost_of(actor, post)
        document = rendering.undo_announce_document(ended, sending.new_activity_uri(actor))
        boosts.undo(ended)
        # The outbox has it no more, and who was not told yet never is.
        Sent.objects.filter(uri=ended.uri).delete()
        sending.send(actor, document, to=[post.author], to_followers=True, object_uri=post.uri)
    return document


def _likes_of(actor: LocalActor, post: Post, emoji: str) -> QuerySet[Like]:
    return Like.objects.select_related("actor", "post__author").filter(actor=actor, post=post, emoji=emoji)


def _boost_of(actor: LocalActor, post: Post) -> Boost:
    found = Boost.objects.select_related("actor", "post__author").filter(actor=actor, post=post)
    if (boost := found.first()) is None:
        raise UnknownReaction
    return boost
