"""An actor's followers on one host, which two servers agree about (FEP-8fcf)."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from activitypub.models import Follow, FollowState
from activitypub.protocol.synchronization import digest


def at_hosts(actor_id: int, hosts: Collection[str]) -> dict[str, list[str]]:
    """The ids of the followers of an actor by host, for each of these `host[:port]` that has any."""
    found: dict[str, list[str]] = defaultdict(list)
    follows = Follow.objects.filter(
        followee_id=actor_id, state=FollowState.ACCEPTED, follower__host__in=hosts
    )
    for host, uri in follows.values_list("follower__host", "follower__uri").iterator():
        found[host].append(uri)
    return found


def digests(actor_id: int, hosts: Collection[str]) -> dict[str, str]:
    """What those ids come to, by host."""
    return {host: digest(ids) for host, ids in at_hosts(actor_id, hosts).items()}


def at_host(actor_id: int, host: str) -> Sequence[str]:
    """The ids of the followers of an actor on one host, in a fixed order."""
    return sorted(at_hosts(actor_id, [host]).get(host, []))
