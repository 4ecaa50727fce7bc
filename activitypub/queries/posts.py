"""Posts, and who may see them."""

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from activitypub.errors import UnknownPost
from activitypub.models import Actor, Block, Follow, FollowState, Hashtag, Mention, Post, Visibility
from activitypub.queries import prepared

OPEN = (Visibility.PUBLIC, Visibility.UNLISTED)
NEWEST = 20
# Of what is not for everybody so much is passed over.
LOOKED_AT = 400
# What a post's document names, in one order always: every rendering of a post is the same.
WITH_NAMES = (
    Prefetch("mentions", Mention.objects.select_related("actor").order_by("pk")),
    Prefetch("hashtags", Hashtag.objects.order_by("name")),
)


def visible_to(viewer: Actor | None) -> QuerySet[Post]:
    """The posts that somebody may see, their authors with them; None is anybody.

    One's own; what is open to all, unless its author has blocked one; what one is named in; and what is for
    followers, to them.
    """
    rows = Post.objects.select_related("author").filter(author__suspended_at=None)
    return rows.filter(visibility__in=OPEN) if viewer is None else rows.filter(_may_see(viewer))


def seen(viewer: Actor | None, uri: str) -> Post:
    """The post with this id, if that one may see it. Raises UnknownPost, alike where there is none."""
    rows = visible_to(None)
    if viewer is not None:
        if not _is_seen(viewer.pk, uri):
            raise UnknownPost
        rows = Post.objects.select_related("author")
    post = rows.filter(uri=uri).first()
    if post is None:
        raise UnknownPost
    return post


def newest_of(author: Actor) -> list[Post]:
    """Somebody's newest posts for everybody that answer nobody, as their page shows them."""
    keys = list(Post.objects.filter(author=author).order_by("-pk").values_list("pk", flat=True)[:LOOKED_AT])
    found = Post.objects.filter(pk__in=keys, visibility=Visibility.PUBLIC, in_reply_to_uri="")
    return list(found.order_by("-pk")[:NEWEST])


def _may_see(viewer: Actor | int) -> Q:
    follows = Follow.objects.filter(follower=viewer, followee=OuterRef("author"), state=FollowState.ACCEPTED)
    named = Mention.objects.filter(post=OuterRef("pk"), actor=viewer)
    blocked = Block.objects.filter(actor=OuterRef("author"), target=viewer)
    return Q(author=viewer) | ~Exists(blocked) & (
        Q(visibility__in=OPEN) | Exists(named) | Q(visibility=Visibility.PRIVATE) & Exists(follows)
    )


# Asked for every Like: the question is long, and the post is found by its id.
_is_seen = prepared.Exists(
    lambda viewer, uri: Post.objects.filter(_may_see(viewer), uri=uri, author__suspended_at=None)
)
