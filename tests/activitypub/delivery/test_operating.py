"""What an operator sees and does, and the bell that wakes the background."""

import asyncio
import os
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async as in_thread
from django.core.management import CommandError, call_command
from django.utils import timezone

from activitypub import background, bell
from activitypub.admin.hosts import ACTS
from activitypub.models import Delivery, Errand, ErrandKind, Host, LocalActor
from activitypub.protocol.retry import Outcome
from activitypub.services import errands
from tests.activitypub.delivery.conftest import publish, reader
from tests.activitypub.delivery.inboxes import Inboxes
from tests.activitypub.test_actors import remote


def federation(*arguments: str) -> str:
    said = StringIO()
    call_command("federation", *arguments, stdout=said)
    return said.getvalue()


# --- The verbs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["retry", "pause", "resume", "clear"])
@pytest.mark.parametrize("host", ["", "a b", "https://one.example", "one.example/x", "user@one.example"])
def test_what_is_no_host_is_refused(sender: LocalActor, verb: str, host: str) -> None:
    with pytest.raises(CommandError, match="is no host"):
        federation(verb, host)
    assert not Host.objects.exists()


def test_status_tells_what_waits_for_whom_and_why(sender: LocalActor) -> None:
    publish(sender, reader("one.example"), reader("one.example"), reader("two.example:8443"))
    Delivery.objects.filter(host="two.example:8443").update(
        attempts=1, last_error="http_503", due_at=timezone.now() + timedelta(hours=1)
    )
    Host.objects.create(name="two.example:8443", failed_days=["2026-11-20"], scheme="rfc9421")
    Host.objects.create(name="three.example", paused=True)
    said = federation("status")
    assert said.startswith("3 to deliver to 2 hosts, 2 of them due; 1 hosts fail, 1 are paused.\n")
    [one] = [line for line in said.splitlines() if line.startswith("one.example:")]
    assert "2 waiting, 2 due" in one
    [two] = [line for line in said.splitlines() if line.startswith("two.example:8443:")]
    assert "1 waiting, 0 due" in two
    assert "failed on 1 days since it was last heard; last: http_503; takes rfc9421" in two
    assert "three.example: 0 waiting, 0 due; paused" in said
    assert federation("status", "TWO.example:8443").splitlines()[0] == two


def test_status_tells_which_errands_wait_and_of_one_host_its_own(sender: LocalActor) -> None:
    now = timezone.now()
    assert federation("status").splitlines()[1] == "0 errands wait, 0 of them due."
    for number, host in enumerate(("one.example", "one.example", "two.example")):
        errands.put(ErrandKind.ACTOR_GONE, actor=remote(f"n{number}", host), due_at=now)
    errands.put(ErrandKind.FOLLOWERS_MOVED, actor=sender, due_at=now + timedelta(hours=1))
    Errand.objects.filter(host="two.example").update(attempts=3)
    lines = federation("status").splitlines()[1:4]
    assert lines[0] == "4 errands wait, 3 of them due."
    assert lines[1].startswith("actor_gone: 3 wait, 3 due; next at ")
    assert lines[1].endswith("Z; begun 3 times at most")
    assert lines[2].startswith("followers_moved: 1 wait, 0 due; next at ")
    assert lines[2].endswith("Z")
    [_, total, own] = federation("status", "one.example").splitlines()
    assert total == "2 errands wait, 2 of them due."
    assert own.startswith("actor_gone: 2 wait, 2 due")
    assert federation("status", "three.example").splitlines()[1:] == ["0 errands wait, 0 of them due."]


@pytest.mark.parametrize("verb", ["retry", "pause", "resume", "clear"])
def test_command_and_page_tell_the_same_of_what_they_did(sender: LocalActor, verb: str) -> None:
    publish(sender, reader("one.example"), reader("one.example"))
    said = federation(verb, " One.Example")
    Delivery.objects.all().delete()
    publish(sender, reader("one.example"), reader("one.example"))
    assert said == f"{ACTS[verb].do('one.example')}\n"


def test_a_host_is_paused_and_resumed(sender: LocalActor) -> None:
    federation("pause", "One.Example")
    assert Host.objects.get().paused
    assert Host.objects.get().name == "one.example"
    federation("resume", "one.example")
    assert not Host.objects.get().paused


def test_retry_has_all_tried_at_once_and_forgets_how_it_failed(sender: LocalActor) -> None:
    publish(sender, reader("one.example"))
    Delivery.objects.update(due_at=timezone.now() + timedelta(hours=5))
    days = [f"2026-11-0{day}" for day in range(1, 8)]
    Host.objects.create(name="one.example", failed_days=days, breakers={"x": {}})
    assert federation("retry", "one.example") == "1 deliveries to one.example are due now.\n"
    assert Delivery.objects.get().due_at <= timezone.now()
    assert (Host.objects.get().failed_days, Host.objects.get().breakers) == ([], {})


def test_clear_forgets_what_one_host_is_owed_and_leaves_the_others(sender: LocalActor) -> None:
    publish(sender, reader("one.example"), reader("two.example"))
    Host.objects.create(name="one.example", paused=True, scheme="rfc9421", failed_days=["2026-11-20"])
    federation("clear", "one.example")
    assert Delivery.objects.get().host == "two.example"
    host = Host.objects.get(name="one.example")
    assert (host.paused, host.scheme, host.failed_days) == (True, "", [])


# --- The bell --------------------------------------------------------------------------------------


def test_a_bell_that_nobody_hears_is_rung_in_vain(settings: Any, tmp_path: Path) -> None:
    settings.HVX_DATA_DIR = tmp_path
    bell.ring()
    settings.HVX_DATA_DIR = tmp_path / "nowhere"
    bell.ring()
    assert list(tmp_path.iterdir()) == []


async def test_whoever_hears_the_bell_is_woken_in_a_folder_of_any_length(
    settings: Any, tmp_path: Path
) -> None:
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    settings.HVX_DATA_DIR = folder
    # What one that was killed has left.
    (folder / bell.NAME).touch()
    hung = bell.Bell()
    assert (folder / bell.NAME).stat().st_mode & 0o777 == 0o600
    one, other = asyncio.Event(), asyncio.Event()
    hung.hear(one.set, other.set)
    for _ in range(1000):
        bell.ring()
    await asyncio.wait_for(asyncio.gather(one.wait(), other.wait()), 10)
    one.clear()
    bell.ring()
    await asyncio.wait_for(one.wait(), 10)
    hung.close()
    assert list(folder.iterdir()) == []


async def test_who_ends_leaves_the_bell_to_the_one_that_came_after(settings: Any, tmp_path: Path) -> None:
    settings.HVX_DATA_DIR = tmp_path
    older, newer = bell.Bell(), bell.Bell()
    heard = asyncio.Event()
    newer.hear(heard.set)
    older.close()
    bell.ring()
    await asyncio.wait_for(heard.wait(), 10)
    newer.close()
    assert os.listdir(tmp_path) == []


def test_of_bells_that_are_hung_and_taken_down_at_once_none_takes_anothers(
    settings: Any, tmp_path: Path
) -> None:
    settings.HVX_DATA_DIR = tmp_path

    def hang_and_take_down() -> None:
        for _ in range(50):
            bell.Bell().close()

    with ThreadPoolExecutor(4) as threads:
        for hung in [threads.submit(hang_and_take_down) for _ in range(4)]:
            hung.result()
    assert list(tmp_path.iterdir()) == []


def test_who_ends_where_the_folder_is_gone_ends_all_the_same(settings: Any, tmp_path: Path) -> None:
    settings.HVX_DATA_DIR = tmp_path / "folder"
    settings.HVX_DATA_DIR.mkdir()
    hung = bell.Bell()
    shutil.rmtree(settings.HVX_DATA_DIR)
    hung.close()


async def test_the_background_delivers_what_is_sent_while_it_waits_and_ends_when_told(
    sender: LocalActor, inboxes: Inboxes
) -> None:
    stop, ready = asyncio.Event(), asyncio.Event()
    outcomes: Counter[Outcome] = Counter()

    def delivered(outcome: Outcome, times: int) -> None:
        outcomes[outcome] += times

    task = asyncio.create_task(background.run(stop, ready=ready.set, delivered=delivered))
    await ready.wait()
    somebody = await in_thread(reader)(inboxes.hosts[0])
    await in_thread(publish)(sender, somebody)
    await inboxes.until(lambda: len(inboxes.posts) == 1)
    stop.set()
    await asyncio.wait_for(task, 20)
    assert outcomes == {Outcome.DELIVERED: 1}
    assert not await in_thread(Delivery.objects.exists)()
