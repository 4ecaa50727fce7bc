"""A process that the master has started, as the master sees it."""

import asyncio
from pathlib import Path

import pytest

from hvx.serving.child import Child
from vault.memory import LockedBytes


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data folder with nothing in it, where no start can be prepared."""
    tmp_path.chmod(0o700)
    monkeypatch.setenv("HVX_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HVX_DATABASE_URL", "")
    monkeypatch.setenv("HVX_REDIS_URL", "")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "hvx.settings")


def test_what_it_said_last_is_heard_after_it_has_ended(nowhere: None) -> None:
    async def told() -> None:
        child = Child.start("prepare", "--open")
        await child.ended.wait()
        # It is no more, and neither of these is an error.
        child.tell(word="anything")
        child.give_root(LockedBytes(32))
        heard = await child.hear()
        assert heard is not None
        assert heard["event"] == "failed"
        assert child.status == 1
        assert await child.hear() is None
        await child.end(1)

    asyncio.run(told())
