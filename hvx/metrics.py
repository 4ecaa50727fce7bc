"""Prometheus figures at `/metrics`, for the loopback or for whoever has HVX_METRICS_TOKEN.

Each process of a server writes its figures into files of the data folder, and whichever is asked adds them
up (hvx.serving.figures). A command has figures of its own, and leaves no file.
"""

import hmac
import ipaddress
import os
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import REGISTRY, GaugeMetricFamily
from prometheus_client.registry import Collector

from hvx.serving import figures

REQUESTS = Counter("hvx_requests", "HTTP requests answered.", ["method", "status"])
SECONDS = Histogram(
    "hvx_request_seconds",
    "Time to answer an HTTP request.",
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
)
ATTEMPTS = Counter("hvx_delivery_attempts", "Attempts at deliveries, by what came of them.", ["outcome"])
SOCKETS = Gauge("hvx_sockets", "Open sockets.", multiprocess_mode="livesum")

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


def count(method: str, status: int, seconds: float) -> None:
    """One answered request. A made-up method is counted as `other`, so labels stay few."""
    REQUESTS.labels(method if method in METHODS else "other", str(status)).inc()
    SECONDS.observe(seconds)


def count_deliveries(outcome: str, times: int) -> None:
    """Attempts at deliveries, of which so many came to this."""
    ATTEMPTS.labels(outcome).inc(times)


class DeliveryFigures(Collector):
    """What waits to be delivered: the same whichever process is asked, for it is the database's. Nothing
    while that is away."""

    def collect(self) -> Iterator[Metric]:
        # Not above: this module is imported before Django is set up.
        from activitypub.queries.deliveries import totals

        try:
            now = totals(timezone.now())
        except Error:
            return
        yield GaugeMetricFamily("hvx_deliveries_waiting", "Deliveries that are not done yet.", now.waiting)
        yield GaugeMetricFamily("hvx_deliveries_due", "Those of them that are due.", now.due)
        yield GaugeMetricFamily("hvx_delivery_hosts_failing", "Hosts that failed last.", now.hosts_failing)
        yield GaugeMetricFamily("hvx_delivery_hosts_paused", "Hosts that are paused.", now.hosts_paused)


class ErrandFigures(Collector):
    """What waits to be done by the clock, likewise."""

    def collect(self) -> Iterator[Metric]:
        from activitypub.models import ErrandKind
        from activitypub.queries.errands import waiting

        try:
            found = {one.kind: one for one in waiting(timezone.now())}
        except Error:
            return
        waits = GaugeMetricFamily("hvx_errands_waiting", "Errands that are not done yet.", labels=["kind"])
        due = GaugeMetricFamily("hvx_errands_due", "Those of them that are due.", labels=["kind"])
        for kind in ErrandKind.values:
            one = found.get(kind)
            waits.add_metric([kind], one.waiting if one else 0)
            due.add_metric([kind], one.due if one else 0)
        yield waits
        yield due


def forget_ended() -> None:
    """Take sockets out of the figures that workers had open which are no more."""
    folder = os.environ.get(figures.VARIABLE)
    if folder is not None:
        for file in Path(folder).glob("gauge_live*.db"):
            pid = file.stem.rpartition("_")[2]
            if not Path(f"/proc/{pid}").exists():
                multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]


def _may_read(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    wanted = settings.HVX_METRICS_TOKEN
    if wanted and scheme.lower() == "bearer":
        return hmac.compare_digest(token.encode(), wanted.encode())
    try:
        local = ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
    # A proxy on this machine that does not name its client must not open the figures to all.
    return local and not wanted and "X-Forwarded-For" not in request.headers


def metrics(request: HttpRequest) -> HttpResponse:
    """The figures in Prometheus's text format; 404 for everybody else."""
    if not _may_read(request):
        from hvx.problems import handler404

        return handler404(request, Exception())
    return HttpResponse(b"".join(map(generate_latest, _sources())), content_type=CONTENT_TYPE_LATEST)


def _sources() -> Iterator[CollectorRegistry]:
    """The figures of all processes, or of this one alone; and those of the database."""
    if figures.VARIABLE in os.environ:
        processes = CollectorRegistry()
        multiprocess.MultiProcessCollector(processes)  # type: ignore[no-untyped-call]
        yield processes
    else:
        yield REGISTRY
    database = CollectorRegistry()
    database.register(DeliveryFigures())
    database.register(ErrandFigures())
    yield database
