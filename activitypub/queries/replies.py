"""What answers a post, for other servers to find a thread by."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from activitypub.models import Block, Post
from activitypub.queries.collections import FIRST, place_of
from activitypub.queries.posts import visible_to

# So many answers are looked at for one page. Those that few may see are passed over.
PAGE_SIZE = 100
# Of the author's own so many stand in the post's document: programs that read no further find a thread.
MOST_OF_OWN = 5


@dataclass(frozen=True)
class RepliesPage:
    """The addresses of some answers. `place` is FIRST, or the id of the last answer that the page before has
    looked at; `next` is the place of the page after, empty where there is none."""

    place: str
    items: Sequence[str]
    next: str


def page(post: Post, place: str = FIRST) -> RepliesPage:
    """Answers that are for everybody, by whomever the post's author has not blocked: the author's own first,
    then the others, the oldest first.

    A page may be shorter than others, and empty, where there is more. Raises CursorInvalid.
    """
    after = 0 if place == FIRST else place_of(place)
    answers = Post.objects.filter(in_reply_to=post, pk__gt=after).order_by("pk")
    keys = list(answers.values_list("pk", flat=True)[: PAGE_SIZE + 1])
    blocked = Block.objects.filter(actor=post.author_id, target=OuterRef("author"))
    shown = visible_to(None).filter(~Exists(blocked), pk__in=keys[:PAGE_SIZE])
    found = sorted(shown, key=lambda answer: (answer.author_id != post.author_id, answer.pk))
    more = len(keys) > PAGE_SIZE
    return RepliesPage(place, [answer.uri for answer in found], str(keys[PAGE_SIZE - 1]) if more else "")


def own(post: Post) -> Sequence[str]:
    """The addresses of the first answers by the post's author, as far as everybody may see them."""
    answers = Post.objects.filter(in_reply_to=post).order_by("pk")
    keys = list(answers.values_list("pk", flat=True)[:PAGE_SIZE])
    found = visible_to(None).filter(author=post.author_id, pk__in=keys).order_by("pk")
    return list(found.values_list("uri", flat=True)[:MOST_OF_OWN])
