"""Settings that cannot work stop the start, with a sentence that says what to set."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks

TAG = "hvx"
REGISTRATION_MODES = ("open", "closed", "invite")


def settings_work_together(
    app_configs: Sequence[Any] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """hvx.E001 to hvx.E004."""
    found: list[checks.CheckMessage] = []
    if settings.HVX_WORKERS < 1 or settings.HVX_THREADS < 1:
        found.append(checks.Error("HVX_WORKERS and HVX_THREADS must be at least 1.", id="hvx.E001"))
    if settings.HVX_WORKERS > 1 and not settings.HVX_REDIS_URL:
        found.append(
            checks.Error(
                f"HVX_WORKERS is {settings.HVX_WORKERS}, but the cache and the channel layer are "
                "in-process, so the workers would not know of each other.",
                hint="Set HVX_REDIS_URL, or HVX_WORKERS=1.",
                id="hvx.E002",
            )
        )
    if settings.HVX_REGISTRATION not in REGISTRATION_MODES:
        found.append(
            checks.Error(
                f"HVX_REGISTRATION is {settings.HVX_REGISTRATION!r}.",
                hint=f"Set one of {', '.join(REGISTRATION_MODES)}.",
                id="hvx.E003",
            )
        )
    host, _, port = settings.HVX_LISTEN.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        found.append(
            checks.Error(f"HVX_LISTEN is {settings.HVX_LISTEN!r}.", hint="Set host:port.", id="hvx.E004")
        )
    return found


def origin_is_reached(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """hvx.W002: a loopback origin of another port than the server listens on."""
    host, _, port = settings.HVX_HOST.partition(":")
    listens = settings.HVX_LISTEN.rpartition(":")[2]
    if host == "localhost" and settings.HVX_ORIGIN.startswith("http://") and (port or "80") != listens:
        return [
            checks.Warning(
                f"HVX_ORIGIN is {settings.HVX_ORIGIN}, but the server listens on port {listens}.",
                hint=f"Set HVX_ORIGIN=http://localhost:{listens}, or clients will be refused.",
                id="hvx.W002",
            )
        ]
    return []


def deployed_safely(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """hvx.W001: for `check --deploy`."""
    if settings.HVX_ORIGIN.startswith("http://") and not settings.HVX_HOST.startswith("localhost"):
        return [
            checks.Warning(
                f"The origin {settings.HVX_ORIGIN} is not https: tokens travel in the clear.",
                hint="Put TLS in front (deploy/) and set HVX_ORIGIN=https://…",
                id="hvx.W001",
            )
        ]
    return []


def database_is_encrypted(
    app_configs: Sequence[Any] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """hvx.W003: an embedded database that lies plain on the disk, said at every start."""
    if settings.HVX_DATABASE_ENCRYPTION == "off" and not settings.HVX_DATABASE_URL:
        return [
            checks.Warning(
                "HVX_DATABASE_ENCRYPTION is off: whoever has the disk reads names, devices and times.",
                hint="Run `manage.py vault encrypt-database` and set it to on.",
                id="hvx.W003",
            )
        ]
    return []


def peers_are_elsewhere(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """hvx.W004: servers on the loopback may be spoken to, said at every start."""
    if settings.HVX_FEDERATION_ALLOW_PRIVATE:
        return [
            checks.Warning(
                "HVX_FEDERATION_ALLOW_PRIVATE is on: whoever names an address makes this server ask what "
                "listens on this machine, and documents of other servers may travel in the clear.",
                hint="Leave it unset, but for tests and demonstrations.",
                id="hvx.W004",
            )
        ]
    return []


def all_but_addresses() -> list[str]:
    """The tags of all checks but those of addresses, for which every view would be loaded: a second, which
    starts and migrating do without. Those are left to the tests."""
    return sorted(set(checks.registry.registry.tags_available()) - {checks.Tags.urls})


def register() -> None:
    """Called once by the app's ready()."""
    checks.register(settings_work_together, TAG)
    checks.register(origin_is_reached, TAG)
    checks.register(database_is_encrypted, TAG)
    checks.register(peers_are_elsewhere, TAG)
    checks.register(deployed_safely, checks.Tags.security, deploy=True)
