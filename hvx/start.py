"""What must hold before a server serves. Whatever does not is told in one sentence."""

import socket
from contextlib import closing

from django.conf import settings
from django.core.cache import cache
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from redis.exceptions import RedisError

from hvx.models import Installation
from vault.errors import Sealed
from vault.services import ensure_ring


def require_everything() -> None:
    """Raises CommandError with the first thing that is missing."""
    try:
        require_migrations()
        require_vault()
        require_origin()
    finally:
        connection.close()
    require_cache()
    require_address()


def require_migrations() -> None:
    """The schema is the one of this version."""
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if pending:
        raise CommandError(f"{len(pending)} migrations are not applied: run manage.py migrate first.")


def require_vault() -> None:
    """The root key is there, and is the one of this database."""
    try:
        ensure_ring()
    except Sealed as sealed:
        raise CommandError(f"the vault does not open: {sealed}") from None


def require_origin() -> None:
    """The origin is the one that this database began with.

    Device hashes and certificates name it, so under another every device would have to be made anew.
    """
    installation, _ = Installation.objects.get_or_create(pk=1, defaults={"origin": settings.HVX_ORIGIN})
    if installation.origin != settings.HVX_ORIGIN:
        raise CommandError(
            f"this database belongs to {installation.origin}, and HVX_ORIGIN is {settings.HVX_ORIGIN}. "
            "Device hashes and certificates name the origin, so it cannot change: set it back, or begin "
            "with another HVX_DATA_DIR or HVX_DATABASE_URL."
        )


def require_cache() -> None:
    """Redis answers, where it is asked for."""
    try:
        cache.get("start")
    except RedisError as error:
        raise CommandError(f"HVX_REDIS_URL does not answer ({type(error).__name__}).") from None


def require_address() -> None:
    """Nobody else listens at HVX_LISTEN."""
    host, _, port = settings.HVX_LISTEN.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family)) as probe:
        # As the server itself will ask for it: a port that a server has just left is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            raise CommandError(
                f"HVX_LISTEN={settings.HVX_LISTEN}: {error.strerror}. Set another address."
            ) from None
