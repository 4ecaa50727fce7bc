import os
from collections.abc import Collection

from django.apps import AppConfig


class BenchConfig(AppConfig):
    name = "bench"

    def ready(self) -> None:
        """Put the echoes beside the key exchange, before hvx.asgi builds its router."""
        from django.urls import path

        from bench.echo import Echo, LeanEcho
        from keyexchange.routing import websocket_urlpatterns

        websocket_urlpatterns += [
            path("bench/echo", Echo.as_asgi()),
            path("bench/lean-echo", LeanEcho.as_asgi()),
        ]
        _compute_passwords_without_limit()
        _change_audit(os.environ.get("HVX_BENCH_AUDIT", ""))


def _compute_passwords_without_limit() -> None:
    """All devices here are in one network and log in as often as they can."""
    from dataclasses import replace

    from accounts import throttle

    for name in ("COMPUTED_BY_DEVICE", "COMPUTED_BY_NETWORK", "COMPUTED_BY_DEVICES_OF_NETWORK"):
        setattr(throttle, name, replace(getattr(throttle, name), most=2**31))


def _change_audit(how: str) -> None:
    """`off`: nothing of accounts is written; `one`: all share a chain, as if there were one for all."""
    from audit import services
    from keyexchange import journal

    append = services.append

    def append_the_servers(entries: Collection[services.Entry]) -> None:
        if others := [entry for entry in entries if not entry.chain.startswith("account:")]:
            append(others)

    if how == "off":
        services.append = append_the_servers
        journal.happenings = lambda *desks_and_whose, **of_what: frozenset()
    elif how == "one":
        services.chain_of = lambda account: "account:all"
