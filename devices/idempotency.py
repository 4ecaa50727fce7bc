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

from audit.protocol.encoding import lp
from devices.errors import DeviceRevoked, IdempotencyKeyInvalid, IdempotencyKeyReused
from devices.models import Device, IdempotencyRecord
from devices.parsers import dumps
from devices.principal import Principal

REMEMBERED_FOR = timedelta(hours=24)


def idempotent(
    handler: Callable[..., Response],
) -> Callable[..., Response]:
    """Decorates a view's method."""

    @functools.wraps(handler)
    def handle(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get("Idempotency-Key")
        principal = cast(Principal, request.user)
        if key is None or not principal.is_full:
            return handler(view, request, *args, **kwargs)
        if not 1 <= len(key) <= 255 or not key.isascii() or not key.isprintable():
            raise IdempotencyKeyInvalid
        return _once(
            principal.account_id,
            hashlib.sha256(lp(principal.account_id, str(request.method), request.path, key)).digest(),
            _digest(request.data),
            lambda: handler(view, request, *args, **kwargs),
        )

    return handle


def _digest(body: Any) -> bytes:
    try:
        return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).digest()
    except orjson.JSONEncodeError:
        # Nested deeper than orjson writes, and than any body that a call here takes.
        raise exceptions.ParseError from None


def _once(account_id: str, digest: bytes, body_digest: bytes, act: Callable[[], Response]) -> Response:
    now = timezone.now()
    IdempotencyRecord.objects.filter(digest=digest, created_at__lt=now - REMEMBERED_FOR).delete()
    try:
        with transaction.atomic():
            record = IdempotencyRecord(
                account_id=account_id,
                digest=digest,
                body_digest=body_digest,
                status=0,
                answer=b"",
                created_at=now,
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
    if bytes(known.body_digest) != body_digest:
        raise IdempotencyKeyReused
    answer = orjson.loads(known.answer) if known.answer else None
    return Response(answer, status=known.status, headers={"Idempotency-Replayed": "true"})


def forget_old_answers() -> int:
    """Delete answers that are more than 24 hours old."""
    before = timezone.now() - REMEMBERED_FOR
    return IdempotencyRecord.objects.filter(created_at__lt=before).delete()[0]
