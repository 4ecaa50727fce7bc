"""Challenges: given out, and spent by success alone."""

import secrets
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from devices.errors import ChallengeInvalid
from devices.models import (
    Challenge,
    Purpose,
)
from devices.protocol.device_hash import CHALLENGE_BYTES

CHALLENGE_LIFETIME = timedelta(seconds=300)
# One asker needs one challenge at a time; a few more, for answers that got lost.
MOST_OPEN_CHALLENGES = 5


@transaction.atomic
def give_challenge(purpose: Purpose, *, account: str, device_key: bytes = b"", device: str = "") -> bytes:
    """A fresh challenge for this purpose, account, asking key and named device; 300 s."""
    if device_key:
        # Only the key's own holder can push its challenges out. Those that no key asked for are
        # left to expire: else a stranger's asking would take away somebody's password reset.
        open_ones = Challenge.objects.filter(
            purpose=purpose, account=account, device_key=device_key, device=device
        ).order_by("-expires_at")
        stale = list(open_ones.values_list("pk", flat=True)[MOST_OPEN_CHALLENGES - 1 :])
        Challenge.objects.filter(pk__in=stale).delete()
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    Challenge.objects.create(
        challenge=challenge,
        purpose=purpose,
        account=account,
        device_key=device_key,
        device=device,
        expires_at=timezone.now() + CHALLENGE_LIFETIME,
    )
    return challenge


def require_open(
    challenge: bytes,
    purpose: Purpose,
    *,
    account: str,
    device_key: bytes = b"",
    device: str = "",
) -> None:
    """Raises ChallengeInvalid where the challenge could not be spent. Spends nothing."""
    if not _open(challenge, purpose, account, device_key, device).exists():
        raise ChallengeInvalid


def spend_challenge(
    challenge: bytes,
    purpose: Purpose,
    *,
    account: str,
    device_key: bytes = b"",
    device: str = "",
) -> None:
    """Use up a challenge. Raises ChallengeInvalid.

    The caller's transaction must be open: what fails after this gives the challenge back, and of
    two callers with one challenge the row goes to the first.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("a challenge is spent inside the transaction that it allows")
    spent, _ = _open(challenge, purpose, account, device_key, device).delete()
    if not spent:
        raise ChallengeInvalid


def _open(
    challenge: bytes, purpose: Purpose, account: str, device_key: bytes, device: str
) -> QuerySet[Challenge]:
    return Challenge.objects.filter(
        challenge=challenge,
        purpose=purpose,
        account=account,
        device_key=device_key,
        device=device,
        expires_at__gt=timezone.now(),
    )


def forget_challenges(purpose: Purpose, *, account: str) -> None:
    """Take back the account's open challenges for one purpose."""
    Challenge.objects.filter(purpose=purpose, account=account).delete()


def forget_expired_challenges() -> int:
    """Delete what can no longer be spent."""
    return Challenge.objects.filter(expires_at__lt=timezone.now()).delete()[0]
