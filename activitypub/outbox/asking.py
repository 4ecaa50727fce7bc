"""Who asks to quote, as a client names it that answers, or takes back what was given (FEP-044f)."""

from functools import partial

from django.db.models import Q

from activitypub.models import LocalActor, QuoteRequest
from activitypub.outbox.deeds import Deed
from activitypub.protocol.documents import shapes
from activitypub.protocol.documents.reading import Document
from activitypub.services import quote_answers


def answered(actor: LocalActor, activity: Document) -> QuoteRequest | None:
    """The QuoteRequest about a post of the person's that is answered: named by its id, or said again. None
    where it is none."""
    asked = shapes.reference(activity.get("object"))
    if asked is None:
        return None
    which = Q(uri=asked.id) if asked.id else Q(pk=None)
    said = asked.inline or {}
    quoting = shapes.uri(shapes.one(said.get("instrument")))
    if "QuoteRequest" in shapes.types(said) and quoting is not None:
        which |= Q(quoting_uri=quoting, post__uri=shapes.uri(shapes.one(said.get("object"))))
    return quote_answers.named(actor, which)


def deletion(actor: LocalActor, activity: Document) -> Deed | None:
    """The end of a stamp that the person has given. None where none is named."""
    stamp = shapes.reference(activity.get("object"))
    asked = quote_answers.named(actor, Q(stamp=stamp.id)) if stamp is not None and stamp.id else None
    return partial(quote_answers.revoke, actor, asked) if asked is not None else None
