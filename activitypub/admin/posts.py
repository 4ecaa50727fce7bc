"""Posts that are for everybody, read by an operator. Whatever else people wrote is not here, unless somebody
reports it (reports.py)."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.text import Truncator

from activitypub import cleaning
from activitypub.admin.base import Act, Facts, Page, Table, away, figure, lines, link, moment, several
from activitypub.models import Actor, Post
from activitypub.protocol.uris import is_uri
from activitypub.protocol.webfinger import handle
from activitypub.queries.posts import OPEN
from activitypub.rendering import handle_of
from activitypub.services import reviewing


def _remove(post: Post) -> str:
    reviewing.remove(post)
    return "The post is removed."


def _mark(post: Post) -> str:
    reviewing.mark_sensitive(post, True)
    return "The post is marked as sensitive."


def _unmark(post: Post) -> str:
    reviewing.mark_sensitive(post, False)
    return "The post is no longer marked as sensitive."


ACTS: Mapping[str, Act] = {
    "sensitive": Act(
        "Mark as sensitive",
        "Put a warning before this post? One of ours is changed wherever it is known.",
        _mark,
        lambda post: not post.sensitive,
    ),
    "harmless": Act(
        "Mark as not sensitive",
        "Take the warning before this post away?",
        _unmark,
        lambda post: post.sensitive,
    ),
    "remove": Act(
        "Remove",
        "Remove this post for good? One of ours is deleted wherever it is known, another server's only here.",
        _remove,
        is_grave=True,
        ends=True,
    ),
}


def text_of(post: Post, most: int = 3000) -> str:
    """What it says, as plain text: nothing of it is loaded or run."""
    said = "\n".join(cleaning.as_lines(part) for part in (post.name, post.summary, post.content) if part)
    return Truncator(said).chars(most)


def facts_of(post: Post) -> Facts:
    """A post that may be shown."""
    return Facts(
        "Post",
        [
            ("Author", author_of(post.author)),
            ("Says", text_of(post)),
            ("Attached", lines(_attached(one) for one in post.attachments) or "nothing"),
            *([("Options", lines(option["name"] for option in post.poll["options"]))] if post.poll else ()),
            ("For", post.get_visibility_display()),
            ("Marked as sensitive", "yes" if post.sensitive else "no"),
            ("Written", post.published),
            ("Edited", post.edited_at or "never"),
            ("Editions before", figure(post.editions.all())),
            (
                "Known",
                ", ".join(
                    several(number, noun)
                    for number, noun in (
                        (post.replies_count, "answer"),
                        (post.likes_count, "like"),
                        (post.boosts_count, "boost"),
                    )
                ),
            ),
            ("Address", away(post.uri)),
        ],
    )


def _attached(attachment: Mapping[str, Any]) -> str:
    """Where it is, and what its author says of it."""
    address, said = away(str(attachment.get("url", ""))), str(attachment.get("description") or "")
    return format_html("{}: {}", address, said) if said else address


def name_of(actor: Actor) -> str:
    """The handle; of this server's people without the host."""
    return f"@{handle_of(actor)}" if actor.host else f"@{actor.username}"


def author_of(actor: Actor) -> str:
    """A link to an actor, by the handle."""
    return link(name_of(actor), "activitypub_actor_change", actor.pk)


def sought(typed: str) -> QuerySet[Actor]:
    """Actors by an address, a handle, `@host` or a username of this server: what an index finds."""
    typed = typed.strip()
    if is_uri(typed):
        return Actor.objects.filter(uri=typed)
    if typed.startswith("@") and "@" not in typed[1:] and "." in typed:
        return Actor.objects.filter(host=typed[1:].lower())
    named = handle(typed.removeprefix("@"))
    if named is not None:
        host = "" if named.host == settings.HVX_HOST else named.host
        return Actor.objects.filter(host=host, username=named.username)
    return Actor.objects.filter(host="", username=typed.removeprefix("@").lower())


class PostPage(Page):
    """Public and unlisted posts, the newest first."""

    plural = "Public posts"
    list_display = ("says", "by", "marked", moment("published", "Written"))
    list_display_links = ("says",)
    list_filter = ("sensitive", "type")
    list_select_related = ("author",)
    search_fields = ("uri",)
    search_help_text = "A post by its address, or an author by handle: somebody@social.example.org"
    ordering = ("-pk",)
    acts = ACTS

    def get_queryset(self, request: HttpRequest) -> QuerySet[Post]:
        # By an expression, so that the newest are read off the primary key: by the index on the visibility
        # all of them would be gathered and sorted for a page of fifty.
        shown = Post.objects.annotate(seen_by=Lower("visibility")).filter(seen_by__in=OPEN)
        return shown.select_related("author").order_by("-pk")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        if not search_term:
            return queryset, False
        by_address = queryset.filter(uri=search_term.strip())
        if by_address.exists():
            return by_address, False
        return queryset.filter(author__in=list(sought(search_term)[:50])), False

    def says(self, post: Post) -> str:
        return text_of(post, 90) or "(nothing but what is attached)"

    def marked(self, post: Post) -> str:
        return "sensitive" if post.sensitive else ""

    def by(self, post: Post) -> str:
        return author_of(post.author)

    def title(self, thing: Post) -> str:
        return f"Post: {text_of(thing, 60)}"

    def parts(self, thing: Post) -> Iterable[Facts | Table]:
        yield facts_of(thing)
