"""Posts of this server with a hashtag, the newest first."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from activitypub.errors import UnknownTag
from activitypub.models import Hashtag, Post, Visibility
from activitypub.queries.collections import FIRST, place_of

PAGE_SIZE = 20
# Others write most of what has a popular hashtag. Of that so much is passed over for one page.
LOOKED_AT = 400
_WORD = re.compile(r"\w{1,100}")


@dataclass(frozen=True)
class TagPage:
    """`next` is the place of the page after, empty where there is none."""

    name: str
    place: str
    posts: Sequence[Post]
    next: str


def page(written: str, place: str = FIRST) -> TagPage:
    """Public posts by people of this server with this hashtag, in whatever case it is written.

    A page may be shorter than others, and empty, where there is more. Raises UnknownTag for what is no word,
    CursorInvalid.
    """
    if not _WORD.fullmatch(written):
        raise UnknownTag
    name = written.casefold()
    tagged = Hashtag.objects.filter(name=name, post_id__lt=place_of(place)).order_by("-post_id")
    keys = list(tagged.values_list("post_id", flat=True)[:LOOKED_AT])
    posts = Post.objects.select_related("author").filter(
        pk__in=keys, visibility=Visibility.PUBLIC, author__host="", author__suspended_at=None
    )
    found = list(posts.order_by("-pk")[: PAGE_SIZE + 1])
    last = found[PAGE_SIZE - 1].pk if len(found) > PAGE_SIZE else keys[-1] if len(keys) == LOOKED_AT else ""
    return TagPage(name, place, found[:PAGE_SIZE], str(last))
