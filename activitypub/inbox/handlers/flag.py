"""Flag: another server reports a person of this one, and posts of theirs."""

from typing import Final

from activitypub.inbox.context import Context, NoEffect, is_local
from activitypub.models import LocalActor, Post
from activitypub.protocol import authority
from activitypub.protocol.documents import shapes
from activitypub.protocol.documents.activities import Activity
from activitypub.queries.hosts import unheard_among
from activitypub.services import reports

# Whoever reports more at once is read so far.
MOST: Final = 100


def handle(context: Context, activity: Activity) -> None:
    if activity.id is None or not activity.id.isascii():
        raise NoEffect(authority.Reason.ID_MISSING)
    if unheard_among({context.actor.host}):
        raise NoEffect("reports_rejected")
    # What is elsewhere is none of our moderators' business, nor do they learn of it so.
    named = [one.id for one in activity.objects if one.id is not None and is_local(one.id)][:MOST]
    people = {actor.uri: actor for actor in LocalActor.objects.filter(uri__in=named, account__isnull=False)}
    posts = list(Post.objects.select_related("author").filter(uri__in=named, author__host=""))
    target = next((people[uri] for uri in named if uri in people), None) or next(
        (post.author for post in posts), None
    )
    if target is None:
        raise NoEffect("nobody_reported")
    own = [post for post in posts if post.author_id == target.pk]
    # Servers send what was typed, as plain text: nothing is taken out of it as if it were HTML. Lemmy has it
    # in `summary`.
    comment = activity.content or shapes.string(activity.raw.get("summary")) or ""
    if not reports.store(context.actor, target, own, comment=comment, uri=activity.id):
        raise NoEffect("known")
