"""The same work on the encrypted database and on a plain copy of it, in one process and in turns.

Runs in a filled server's environment: `python -m bench.databases PLAIN`, where PLAIN is the plain copy.
Prints JSON: for each kind of work, pairs of rounds, each a pair of wall and processor seconds.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import django

ROUNDS = 30
POINTS = 100
WRITES = 30
PLAIN = "plain"

Work = Callable[[str], object]
Seconds = tuple[float, float]


def _works() -> dict[str, Work]:
    from django.db import connections, transaction
    from django.utils import timezone

    from accounts.models import Account
    from devices.models import Device

    hashes = list(Device.objects.order_by("pk").values_list("hash", flat=True)[:POINTS])

    def points(using: str) -> object:
        return [Device.objects.using(using).get(hash=one) for one in hashes]

    def listed(using: str) -> object:
        return list(Account.objects.using(using).order_by("pk"))

    def cold(using: str) -> object:
        # A connection of its own has no page in memory: every one is read, checked and decrypted.
        connections[using].close()
        return listed(using)

    def pages(using: str) -> object:
        # Little else is done than reading: the most that encryption can cost.
        connections[using].close()
        with connections[using].cursor() as cursor:
            return cursor.execute("PRAGMA quick_check").fetchall()

    def writes(using: str) -> None:
        for one in hashes[:WRITES]:
            with transaction.atomic(using=using):
                Device.objects.using(using).filter(hash=one).update(last_seen_at=timezone.now())

    return {
        f"{POINTS} devices, one by one": points,
        "the list of all accounts": listed,
        "the same on a new connection": cold,
        "every page, on a new connection": pages,
        f"{WRITES} commits of one row": writes,
    }


def measure(plain: str) -> dict[str, list[dict[str, Seconds]]]:
    """Rounds of the encrypted database and the plain one, now one first and now the other."""
    from django.db import connections

    settings = dict(connections.settings["default"])
    settings |= {"NAME": plain, "OPTIONS": {**settings["OPTIONS"], "encryption": False}}
    connections.settings[PLAIN] = settings
    found: dict[str, list[dict[str, Seconds]]] = {}
    for name, work in _works().items():
        for turn in range(ROUNDS + 1):
            order = ("default", PLAIN) if turn % 2 else (PLAIN, "default")
            seconds = {using: _seconds(work, using) for using in order}
            if turn:  # the first round warms up
                found.setdefault(name, []).append(seconds)
    return found


def _seconds(work: Work, using: str) -> Seconds:
    began, worked = time.perf_counter(), time.process_time()
    work(using)
    return time.perf_counter() - began, time.process_time() - worked


def main(arguments: list[str]) -> None:
    django.setup()
    found: dict[str, Any] = measure(arguments[0])
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
