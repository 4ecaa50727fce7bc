"""What every test of the audit starts from."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings

from audit.events import Event
from audit.services import chain_of, record
from tests.audit.emptying import unguarded
from tests.audit.tampering import ALICE, BOB, ROWS
from vault import keys


@pytest.fixture(autouse=True)
def data_dir(settings: LazySettings, tmp_path: Path) -> Path:
    """A data folder of the test's own: the head file of another's database would be none of this one's."""
    # The vault stays where it is: a test before may have let go of its keys, and here is none to open.
    keys.root()
    keys.database_key()
    settings.HVX_DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def alice() -> str:
    """The name of a chain of eight rows; there is another of eight, and the server's."""
    for count in range(ROWS):
        for account in (ALICE, BOB):
            record(Event.LOGIN, account=account, device=f"d{count}", subject="s", details={"count": count})
    record(Event.INVITE_MADE)
    return chain_of(ALICE)


@pytest.fixture
def open_to_all() -> Iterator[None]:
    with unguarded():
        yield
