"""`Idempotency-Key` (PROTOCOL §1): the second time, the first answer.

For calls under a full token whose body holds no password and whose answer holds no token; the
effect and the remembered answer are committed together, so a server killed half-way has neither.
"""

import functools
import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import orjson
from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from audit.errors import Problem
from audit.protocol.encoding import lp
from devices.errors import DeviceRevoked, IdempotencyKeyInvalid, IdempotencyKeyReused
from devices.models import Device, IdempotencyRecord
from devices.parsers import dumps
from devices.principal import Principal

REMEMBERED_FOR = timedelta(hours=24)

Act = Callable[[], Response]


def idempotent(
    handler: Callable[..., Response],
) -> Callable[..., Response]:
    """Decorates a view's method."""

    @functools.wraps(handler)
    def handle(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        if not cast(Principal, request.user).is_full:
            return handler(view, request, *args, **kwargs)
        return once(request, lambda: lambda: handler(view, request, *args, **kwargs))

    return handle


def once(request: Request, prepare: Callable[[], Act]) -> Response:
    """Do what `prepare` gives back, in one transaction with the answer that is remembered of it; or give the
    first answer again. Without a key it is just done.

    `prepare` runs before that transaction opens, so it may wait for others; it changes nothing that matters.
    Raises IdempotencyKeyInvalid, IdempotencyKeyReused.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return prepare()()
    if not 1 <= len(key) <= 255 or not key.isascii() or not key.isprintable():
        raise IdempotencyKeyInvalid
    account_id = cast(Principal, request.user).account_id
    digest = hashlib.sha256(lp(account_id, str(request.method), request.path, key)).digest()
    body_digest = _digest(request.data)
    if known := _known(digest):
        return _again(known, body_digest)
    try:
        act = prepare()
    except Problem:
        # Of two at once the other may have done it meanwhile, so that there is nothing left to do.
        if known := _known(digest):
            return _again(known, body_digest)
        raise
    return _once(account_id, digest, body_digest, act)


def _digest(body: Any) -> bytes:
    try:
        return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).digest()
    except orjson.JSONEncodeError:
        # Nested deeper than orjson writes, and than any body that a call here takes.
        raise exceptions.ParseError from None


def _known(digest: bytes) -> IdempotencyRecord | None:
    known = IdempotencyRecord.objects.filter(digest=digest).first()
    if known is not None and known.created_at < timezone.now() - REMEMBERED_FOR:
        known.delete()
        return None
    return known


def _again(known: IdempotencyRecord, body_digest: bytes) -> Response:
    if bytes(known.body_digest) != body_digest:
        raise IdempotencyKeyReused
    answer = orjson.loads(known.answer) if known.answer else None
    return Response(answer, status=known.status, headers={"Idempotency-Replayed": "true"})


def _once(account_id: str, digest: bytes, body_digest: bytes, act: Act) -> Response:
    try:
        with transaction.atomic():
            record = IdempotencyRecord(
                account_id=account_id,
                digest=digest,
                body_digest=body_digest,
                status=0,
                answer=b"",
                created_at=timezone.now(),
            )
            with transaction.atomic():
                # The unique digest makes a second call wait here until the first has committed.
                record.save(force_insert=True)
            response = act()
            record.status = response.status_code
            record.answer = b"" if response.data is None else dumps(response.data)
            record.save()
            return response
    except IntegrityError:
        known = IdempotencyRecord.objects.filter(digest=digest).first()
        if known is None:
            if not Device.objects.filter(account_id=account_id).exists():
                # The account was erased meanwhile, to which the record refers.
                raise DeviceRevoked from None
            raise
    return _again(known, body_digest)


def forget_old_answers() -> int:
    """Delete answers that are more than 24 hours old."""
    before = timezone.now() - REMEMBERED_FOR
    return IdempotencyRecord.objects.filter(created_at__lt=before).delete()[0]
