"""Leave to quote posts of this server: what was given, and who waits for it."""

from django.db.models import QuerySet

from activitypub.models import LocalActor, QuoteRequest, QuoteState


def stamp(uri: str) -> QuoteRequest | None:
    """The request that was answered by the stamp with this id, if that holds."""
    found = QuoteRequest.objects.select_related("post__author").filter(stamp=uri)
    return found.filter(state=QuoteState.ACCEPTED, post__author__suspended_at=None).first()


def waiting(actor: LocalActor) -> QuerySet[QuoteRequest]:
    """Who asks to quote a post of that person, and was not answered; the newest first."""
    asked = QuoteRequest.objects.select_related("asker", "post")
    return asked.filter(post__author_id=actor.pk, state=QuoteState.PENDING).order_by("-pk")
