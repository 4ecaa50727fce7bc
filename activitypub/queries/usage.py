"""How much a server is used, as NodeInfo tells everybody."""

from datetime import timedelta

from cachetools.func import ttl_cache
from django.utils import timezone

from accounts.models import Account
from activitypub.models import Post
from activitypub.protocol.nodeinfo import Usage
from devices.queries import accounts_seen_since

_SECONDS = 1800


@ttl_cache(maxsize=1, ttl=_SECONDS)
def usage() -> Usage:
    """Accounts, and those of which a device was here lately; at most half an hour old, since it is asked
    by strangers and counted over all rows."""
    now = timezone.now()
    return Usage(
        users=Account.objects.count(),
        active_month=accounts_seen_since(now - timedelta(days=30)),
        active_half_year=accounts_seen_since(now - timedelta(days=180)),
        local_posts=Post.objects.filter(author__host="").count(),
    )
