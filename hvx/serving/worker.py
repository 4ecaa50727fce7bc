"""A worker: the application under uvicorn, once its master has handed it the root key."""

import argparse
import socket

from django.conf import settings

from hvx.serving import lean
from hvx.serving.link import Link
from hvx.serving.web import Server, config
from vault import keys
from vault.memory import core_dumps_off


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--link", type=int, required=True)
    parser.add_argument("--listener", type=int, required=True)
    options = parser.parse_args()
    core_dumps_off()
    link = Link(options.link)
    lean.leave_out(postgresql=bool(settings.HVX_DATABASE_URL), redis=bool(settings.HVX_REDIS_URL))
    served = config("hvx.asgi:application")
    # Loaded while the root key is still on its way: importing takes most of a start's time.
    with lean.importing():
        served.load()
    from hvx import metrics

    metrics.forget_ended()
    keys.hold(link.take_root())
    link.end_with_master()
    Server(served, link).run(sockets=[socket.socket(fileno=options.listener)])


if __name__ == "__main__":
    main()
