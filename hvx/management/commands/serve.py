"""`manage.py serve`: the server, in the foreground, until SIGINT or SIGTERM."""

from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand

from hvx import metrics, start

# Longer than any frame of the key exchange (PROTOCOL §4: 64 KiB): the consumer itself refuses what
# is too long with `bad_frame`; this bound only keeps a socket from filling the memory.
SOCKET_MAX_BYTES = 128 * 1024


class Command(BaseCommand):
    help = "Serve HTTP and sockets at HVX_LISTEN."
    requires_system_checks = "__all__"

    def handle(self, *args: Any, **options: Any) -> None:
        start.require_everything()
        metrics.prepare()
        host, _, port = settings.HVX_LISTEN.rpartition(":")
        self.stderr.write(
            f"Hvx {settings.HVX_VERSION} at {settings.HVX_ORIGIN}, listening on "
            f"{settings.HVX_LISTEN} ({settings.HVX_WORKERS} worker"
            f"{'s' if settings.HVX_WORKERS > 1 else ''}, "
            f"{'cluster' if settings.CLUSTER else 'embedded'}). Ctrl-C ends it."
        )
        uvicorn.run(
            "hvx.asgi:application",
            host=host.strip("[]"),
            port=int(port),
            workers=settings.HVX_WORKERS,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=True,
            forwarded_allow_ips=settings.HVX_TRUSTED_PROXIES,
            ws_max_size=SOCKET_MAX_BYTES,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=5,
            lifespan="on",
        )
