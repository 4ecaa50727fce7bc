"""A server that speaks to peers on its own machine says so."""

import pytest
from django.conf import LazySettings
from django.core.checks import run_checks


@pytest.mark.parametrize("allowed", [True, False])
def test_opening_the_loopback_is_told_at_every_start(allowed: bool, settings: LazySettings) -> None:
    settings.HVX_FEDERATION_ALLOW_PRIVATE = allowed
    assert ("hvx.W004" in {message.id for message in run_checks()}) is allowed


def test_it_is_closed_unless_somebody_opens_it(settings: LazySettings) -> None:
    assert settings.HVX_FEDERATION_ALLOW_PRIVATE is False
