"""Flag, as a client posts it: one person, by their id or by posts of theirs that the reporter can see."""

from functools import partial
from typing import Final

from accounts import throttle
from activitypub import cleaning
from activitypub.errors import ActivityRefused, UnknownPost
from activitypub.models import LocalActor, Post
from activitypub.outbox import finding
from activitypub.outbox.deeds import Deed
from activitypub.outbox.refusals import Reason
from activitypub.protocol.composing import PLAIN
from activitypub.protocol.documents import shapes
from activitypub.protocol.documents.reading import Document
from activitypub.protocol.documents.refusals import Refusal
from activitypub.queries.posts import seen
from activitypub.services import reports

MOST_POSTS: Final = 50


def prepare(actor: LocalActor, activity: Document) -> Deed:
    """A report to this server's moderators, and to those of the other server if it is addressed to the one
    who is reported. Raises ActivityRefused, UnknownActor, RateLimited."""
    named = shapes.uris(activity.get("object"))
    if not named:
        raise ActivityRefused(Refusal.OBJECT_MISSING)
    if len(named) > MOST_POSTS + 1:
        raise ActivityRefused(Reason.TOO_MANY)
    throttle.reported(str(actor.account_id))
    posts, others = _known(actor, named)
    if len(others) > 1:
        raise ActivityRefused(Reason.SEVERAL)
    target = finding.actor_at(others[0]) if others else posts[0].author
    if any(post.author_id != target.pk for post in posts):
        raise ActivityRefused(Reason.SEVERAL)
    addressed = {*shapes.addressees(activity.get("to")), *shapes.addressees(activity.get("cc"))}
    comment = shapes.string(activity.get("content")) or ""
    if shapes.string(activity.get("mediaType")) != PLAIN:
        comment = cleaning.as_lines(comment)
    return partial(reports.report, actor, target, posts, comment=comment, forward=target.uri in addressed)


def _known(actor: LocalActor, named: tuple[str, ...]) -> tuple[list[Post], list[str]]:
    """The posts among them, and what is none that the actor can see."""
    posts, others = [], []
    for uri in named:
        try:
            posts.append(seen(actor, uri))
        except UnknownPost:
            others.append(uri)
    return posts, others
