"""Whose turn it is to write: one's at a time, and whoever waits is woken."""

import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from pytest_django.fixtures import Settings

from activitypub import turns
from activitypub.turns import Turn, turn


@pytest.fixture(autouse=True)
def embedded(monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path) -> None:
    settings.HVX_DATA_DIR = tmp_path
    monkeypatch.setattr(turns, "connection", SimpleNamespace(vendor="sqlite"))


def test_another_has_no_turn_until_it_is_given() -> None:
    first, order = Turn(), []
    first.take()
    asked = threading.Event()

    def wait() -> None:
        asked.set()
        with turn():
            order.append("second")

    second = threading.Thread(target=wait)
    second.start()
    asked.wait()
    order.append("first")
    first.give()
    second.join()
    assert order == ["first", "second"]


def test_a_turn_that_is_held_is_not_asked_for_again_and_may_be_given_twice() -> None:
    held = Turn()
    assert held.seconds == 0.0
    held.take()
    held.take()
    assert held.seconds > 0.0
    held.give()
    held.give()
    assert held.seconds == 0.0
    with turn():
        pass


def test_a_turn_ends_with_what_fails_in_it() -> None:
    with pytest.raises(ValueError, match="as it must"), turn():
        raise ValueError("as it must")
    with turn():
        pass


def test_where_many_may_write_at_once_nobody_waits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(turns, "connection", SimpleNamespace(vendor="postgresql"))
    with turn(), turn():
        assert list(tmp_path.iterdir()) == []


def test_its_file_is_for_the_servers_own_user_alone(tmp_path: Path) -> None:
    with turn():
        assert (tmp_path / turns.NAME).stat().st_mode & 0o777 == 0o600
