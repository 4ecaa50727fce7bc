"""The background process: works through what other servers have sent, and delivers what goes to them."""

import argparse
import asyncio
import logging.config
import signal

import uvloop
from django.conf import settings

from hvx import metrics
from hvx.serving import lean
from hvx.serving.link import Link
from vault import keys
from vault.memory import core_dumps_off


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--link", type=int, required=True)
    options = parser.parse_args()
    core_dumps_off()
    logging.config.dictConfig(settings.LOGGING)
    link = Link(options.link)
    lean.leave_out(postgresql=bool(settings.HVX_DATABASE_URL), redis=bool(settings.HVX_REDIS_URL))
    # Loaded while the root key is still on its way: importing takes most of a start's time.
    with lean.importing():
        import django

        django.setup()
        # isort: split
        from activitypub import background

    metrics.forget_ended()
    keys.hold(link.take_root())
    link.end_with_master()

    async def work() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await background.run(stop, ready=lambda: link.tell(event="ready"), delivered=metrics.count_deliveries)

    uvloop.run(work())


if __name__ == "__main__":
    main()
