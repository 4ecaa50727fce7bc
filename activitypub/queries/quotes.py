"""Leave to quote posts of this server."""

from activitypub.models import QuoteRequest, QuoteState


def stamp(uri: str) -> QuoteRequest | None:
    """The request that was answered by the stamp with this id, if that holds."""
    found = QuoteRequest.objects.select_related("post__author").filter(stamp=uri)
    return found.filter(state=QuoteState.ACCEPTED, post__author__suspended_at=None).first()
