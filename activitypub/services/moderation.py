"""What this server's moderators decide about whole hosts, and about single actors."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from activitypub import ports
from activitypub.models import Actor, Delivery, HostPolicy, RemoteActor, Severity
from activitypub.protocol.blocklist import Line
from activitypub.queries.hosts import and_above, is_ours
from activitypub.services.dropping import drop
from audit.events import Event
from audit.services import record

# Of what a suspended person has sent. What ends something still ends it.
_PUBLISHED = ("Announce", "Create", "Update")


@transaction.atomic
def decide(host: str, **decided: Any) -> HostPolicy:
    """Let this hold for a host and all its subdomains; what is not named stays as it was.

    `host` is a name without a port, `decided` the columns of HostPolicy. Whom a suspension hides is seen
    again when it ends: nothing is deleted.
    """
    policy, _ = HostPolicy.objects.update_or_create(
        host=host, defaults=decided, create_defaults={"severity": Severity.NONE, **decided}
    )
    if policy.severity == Severity.SUSPEND:
        _hide([policy])
    else:
        _show(policy)
    record(
        Event.HOST_POLICY_SET,
        subject=host,
        details={"severity": str(policy.severity), "allowed": policy.allowed},
    )
    return policy


@transaction.atomic
def lift(host: str) -> bool:
    """Let nothing hold for a host any more but what holds for a domain above it; whether anything did."""
    policy = HostPolicy.objects.filter(host=host).first()
    if policy is None:
        return False
    policy.delete()
    _show(policy)
    record(Event.HOST_POLICY_LIFTED, subject=host)
    return True


@transaction.atomic
def take_over(lines: Iterable[Line]) -> int:
    """Decide as a list says of all hosts of which nothing is decided yet, but not of this server itself; how
    many those are."""
    known = set(HostPolicy.objects.values_list("host", flat=True))
    policies = [
        HostPolicy(**_columns(line)) for line in lines if line.host not in known and not is_ours(line.host)
    ]
    HostPolicy.objects.bulk_create(policies, batch_size=500)
    _hide(policy for policy in policies if policy.severity == Severity.SUSPEND)
    record(Event.BLOCKLIST_IMPORTED, details={"hosts": len(policies)})
    return len(policies)


@transaction.atomic
def suspend(actor: Actor) -> bool:
    """Hide an actor and all that is its own, and exchange nothing with it; whether that is new.

    Somebody of this server can do nothing more in the fediverse; their account stays. What they published
    and others have not got yet they do not get, and they are told to hide the actor too. The server's own
    actor is not suspended.
    """
    if not actor.host and actor.account_id is None:
        return False
    # Of one that is hidden with its host this holds beyond the host's own end.
    free = Q(suspended_at=None) | Q(suspended_at__in=_suspending().values("created_at"))
    if not Actor.objects.filter(free, pk=actor.pk).update(suspended_at=timezone.now()):
        return False
    if not actor.host:
        drop(Delivery.objects.filter(activity__actor_id=actor.pk, activity__type__in=_PUBLISHED))
        ports.actor_changed(actor.pk)
    record(Event.ACTOR_SUSPENDED, account=_account(actor), subject=actor.uri)
    return True


@transaction.atomic
def unsuspend(actor: Actor) -> bool:
    """End a suspension; whether there was one. One that is hidden with its host stays so."""
    with_host = _suspending().values("created_at")
    found = Actor.objects.filter(pk=actor.pk, suspended_at__isnull=False).exclude(suspended_at__in=with_host)
    if not found.update(suspended_at=None):
        return False
    if actor.host:
        _hide(_suspending())
    else:
        ports.actor_changed(actor.pk)
    record(Event.ACTOR_UNSUSPENDED, account=_account(actor), subject=actor.uri)
    return True


def _suspending() -> QuerySet[HostPolicy]:
    return HostPolicy.objects.filter(severity=Severity.SUSPEND)


def _hide(policies: Iterable[HostPolicy]) -> None:
    """Suspend whoever is on these hosts, as of the policy's own time: its end shows those and no others."""
    since = {policy.host: policy.created_at for policy in policies}
    hosts = RemoteActor.objects.filter(suspended_at=None).values_list("host", flat=True).distinct()
    for host in list(hosts):
        name = next((name for name in and_above(host) if name in since), None)
        if name is not None:
            RemoteActor.objects.filter(host=host, suspended_at=None).update(suspended_at=since[name])


def _show(policy: HostPolicy) -> None:
    if RemoteActor.objects.filter(suspended_at=policy.created_at).update(suspended_at=None):
        # What another policy suspends too stays so.
        _hide(_suspending())


def _columns(line: Line) -> Mapping[str, Any]:
    return {
        "host": line.host,
        "severity": line.severity,
        "reject_media": line.reject_media,
        "reject_reports": line.reject_reports,
        "public_comment": line.public_comment,
        "obfuscate": line.obfuscate,
    }


def _account(actor: Actor) -> str | None:
    return None if actor.account_id is None else str(actor.account_id)
