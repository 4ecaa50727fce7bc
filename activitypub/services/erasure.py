"""What goes of an actor when its account is erased: all of it, once other servers were told."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

from django.db import transaction
from django.db.models import Exists, Model, OuterRef, QuerySet

from activitypub.models import (
    ActorType,
    Block,
    Bookmark,
    Boost,
    Deleted,
    Delivery,
    Errand,
    Follow,
    HostBlock,
    Like,
    LocalActor,
    Mention,
    Mute,
    Notification,
    Pin,
    Post,
    QuoteRequest,
    Received,
    RemoteActor,
    Report,
    Sent,
    Vote,
)
from activitypub.rendering import PUBLIC, STREAMS
from activitypub.services import leaving, sending

# Of each table, the columns that name an actor. Keys and the Delete itself go last, with the actor's row.
_OF_ACTOR: tuple[tuple[type[Model], str], ...] = (
    (Post, "author"),
    (Deleted, "by"),
    (Mention, "actor"),
    (QuoteRequest, "asker"),
    (Like, "actor"),
    (Boost, "actor"),
    (Vote, "actor"),
    (Pin, "actor"),
    (Bookmark, "actor"),
    (Follow, "follower"),
    (Follow, "followee"),
    (Block, "actor"),
    (Block, "target"),
    (Mute, "actor"),
    (Mute, "target"),
    (HostBlock, "actor"),
    (Notification, "recipient"),
    (Notification, "actor"),
    (Report, "reporter"),
    (Report, "target"),
    (Errand, "actor"),
)


def erase_actor(account_id: str, account: str) -> None:
    """Delete an account's actor and all that is of it, in the transaction that erases the account.

    Where other servers have to do with it they are sent a Delete, signed by its own key, as every server
    wants it. Until that is delivered or given up, the actor's addresses and keys stay, of nobody's account;
    `forget_told` takes them. That the name was erased is kept by the accounts room, so the actor's address
    answers 410 from now on.
    """
    # Locked first: whoever adds a row that refers to the actor waits, and then finds it gone.
    for actor in LocalActor.objects.select_for_update().filter(account_id=account_id):
        told = _send_delete(actor)
        Deleted.objects.filter(uri__startswith=f"{actor.uri}/").delete()
        Received.objects.filter(recipient=actor.username).delete()
        while leaving.take_some(actor):
            pass
        if Delivery.objects.filter(activity_id=told.pk).exists():
            _empty(actor, told)
        else:
            actor.delete()


@transaction.atomic
def forget_told() -> None:
    """Delete the actors of erased accounts of which nothing is left to be told."""
    waiting = Delivery.objects.filter(activity__actor=OuterRef("pk"))
    _leaving().filter(~Exists(waiting)).delete()


def _leaving() -> QuerySet[LocalActor]:
    return LocalActor.objects.filter(account=None).exclude(type=ActorType.APPLICATION)


def _send_delete(actor: LocalActor) -> Sent:
    document = {
        "@context": STREAMS,
        "id": f"{actor.uri}#delete",
        "type": "Delete",
        "actor": actor.uri,
        "object": actor.uri,
        "to": [PUBLIC],
    }
    return sending.send(actor, document, to=_who_knows(actor), to_followers=True, object_uri=actor.uri)


def _who_knows(actor: LocalActor) -> Iterable[RemoteActor]:
    """Actors elsewhere whose servers hold something of this one: by what either did with the other."""
    found: tuple[QuerySet[Any, Any], ...] = (
        Follow.objects.filter(follower=actor).values_list("followee"),
        Follow.objects.filter(followee=actor).values_list("follower"),
        Mention.objects.filter(post__author=actor).values_list("actor"),
        Post.objects.filter(in_reply_to__author=actor).values_list("author"),
        Post.objects.filter(quote__author=actor).values_list("author"),
        *(row.objects.filter(post__author=actor).values_list("actor") for row in (Like, Boost, Vote)),
        *(row.objects.filter(actor=actor).values_list("post__author") for row in (Like, Boost, Vote)),
        Post.objects.filter(author=actor).values_list("in_reply_to__author"),
        Post.objects.filter(author=actor).values_list("quote__author"),
    )
    keys = {pk for (pk,) in chain.from_iterable(rows.distinct().iterator() for rows in found)}
    return RemoteActor.objects.in_bulk(list(keys - {None})).values()


def _empty(actor: LocalActor, told: Sent) -> None:
    for model, column in _OF_ACTOR:
        model._default_manager.filter(**{column: actor}).delete()
    Sent.objects.filter(actor=actor).exclude(pk=told.pk).delete()
    blank = LocalActor(
        pk=actor.pk,
        uri=actor.uri,
        username=actor.username,
        inbox=actor.inbox,
        type=actor.type,
    )
    blank.save(force_update=True)
