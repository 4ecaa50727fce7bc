"""Figures of deliveries for operators, kept by the process that delivers."""

from prometheus_client import Counter

ATTEMPTS = Counter("hvx_delivery_attempts", "Attempts at deliveries, by what came of them.", ["outcome"])
