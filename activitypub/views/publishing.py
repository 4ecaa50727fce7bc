"""How what clients post to an outbox is read."""

from collections.abc import Iterable
from typing import IO, Any

from rest_framework import parsers
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request

from activitypub.errors import ActivityMalformed, ActivityRefused, ActivityTooLarge
from activitypub.protocol.documents.reading import MAX_BYTES, read
from activitypub.protocol.documents.refusals import Refusal, RefusedDocument
from activitypub.protocol.negotiation import ACTIVITY, LINKED_DATA
from activitypub.views.base import AnyAccept

_SAYS_SOMETHING_ELSE = frozenset({Refusal.CONTEXT_REDEFINES, Refusal.CONTEXT_ALIAS, Refusal.KEYWORD})


class AnyAcceptAndParser(AnyAccept):
    """Takes every Accept header, and a body of a type that is known."""

    def select_parser(
        self, request: Request, parsers: Iterable[parsers.BaseParser]
    ) -> parsers.BaseParser | None:
        return DefaultContentNegotiation().select_parser(request, parsers)


class ActivityParser(parsers.BaseParser):
    """As strict with clients as with other servers.

    Raises ActivityTooLarge, ActivityMalformed, ActivityRefused.
    """

    media_type = ACTIVITY

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        body = stream.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise ActivityTooLarge
        try:
            return read(body)
        except RefusedDocument as error:
            if error.refusal in _SAYS_SOMETHING_ELSE:
                raise ActivityRefused(error.refusal) from None
            raise ActivityMalformed(error.refusal) from None


class LinkedDataParser(ActivityParser):
    media_type = LINKED_DATA


class JSONParser(ActivityParser):
    media_type = "application/json"
