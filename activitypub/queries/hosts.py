"""What stands between this server and a host."""

from collections.abc import Collection, Iterator
from itertools import islice

from django.conf import settings
from django.db.models import Q

from activitypub.models import Host, HostPolicy, Severity
from activitypub.protocol.retry import DAYS_TO_GIVE_UP
from activitypub.queries.prepared import Among

_NAMES_AT_ONCE = 500


def _policies(judgement: Q) -> Among:
    return Among(
        lambda names: HostPolicy.objects.filter(judgement, host__in=names).values_list("host", flat=True)
    )


_suspended = _policies(Q(severity=Severity.SUSPEND))
_allowed = _policies(Q(allowed=True))
_silenced = _policies(Q(severity=Severity.SILENCE))
_unheard = _policies(Q(reject_reports=True))
_without_media = _policies(Q(reject_media=True))


def shut_among(hosts: Collection[str]) -> set[str]:
    """Those of these hosts that are sent nothing: a moderator has suspended them or a domain above them, or
    they have failed on so many days that they are left alone until they speak.

    `hosts` are `host[:port]`; a policy for a host holds for all its ports. As many look-ups as there are
    hosts here, however many policies there are.
    """
    return _left_alone(hosts) | suspended_among(hosts)


def suspended_among(hosts: Collection[str]) -> set[str]:
    """Those of these hosts that a moderator has suspended, or a domain above them: nothing is exchanged. With
    HVX_FEDERATION_ALLOW_LIST those too that no moderator has let in."""
    suspended = _judged(hosts, _suspended)
    if settings.HVX_FEDERATION_ALLOW_LIST:
        suspended |= {host for host in hosts if host} - let_in_among(hosts)
    return suspended


def let_in_among(hosts: Collection[str]) -> set[str]:
    """Those of these hosts that stand on the allow-list, or a domain above them does."""
    return _judged(hosts, _allowed)


def silenced_among(hosts: Collection[str]) -> set[str]:
    """Those of these hosts that a moderator has silenced, or a domain above them: public timelines do not
    show them, and who is there has to ask before following anybody."""
    return _judged(hosts, _silenced)


def unheard_among(hosts: Collection[str]) -> set[str]:
    """Those of these hosts of which a moderator takes no reports."""
    return _judged(hosts, _unheard)


def without_media_among(hosts: Collection[str]) -> set[str]:
    """Those of these hosts of whose posts a moderator wants the words alone."""
    return _judged(hosts, _without_media)


def is_ours(host: str) -> bool:
    """Whether this server itself is at that name, or below it."""
    return host in and_above(settings.HVX_HOST)


def and_above(host: str) -> Iterator[str]:
    """The host as it is, without its port, and every domain that it is in."""
    yield host
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    yield name
    while "." in name:
        name = name.partition(".")[2]
        yield name


def _judged(hosts: Collection[str], judgement: Among) -> set[str]:
    above = {host: set(and_above(host)) for host in hosts if host}
    judged = judgement(set().union(*above.values()))
    return {host for host, names in above.items() if names & judged}


def _left_alone(hosts: Collection[str]) -> set[str]:
    found: set[str] = set()
    for names in _parts(hosts):
        known = Host.objects.filter(name__in=names).values_list("name", "failed_days")
        found.update(name for name, days in known if len(days) >= DAYS_TO_GIVE_UP)
    return found


def _parts(names: Collection[str]) -> Iterator[list[str]]:
    rest = iter(names)
    while part := list(islice(rest, _NAMES_AT_ONCE)):
        yield part
