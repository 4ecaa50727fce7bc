"""What every test of the vault starts from."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings

from vault import keyring, keys
from vault.models import DataKey
from vault.sqlcipher import opening


@pytest.fixture
def root_key_path(settings: LazySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place for a vault and its key file, empty as yet, that this test's process looks at."""
    # The suite's own database stays under the key that it was made with.
    key = keys.database_key()
    monkeypatch.setattr(opening, "database_key", lambda: key)
    path = tmp_path / "data" / "root.key"
    settings.HVX_DATA_DIR = path.parent
    settings.HVX_ROOT_KEY_FILE = path
    keys.forget()
    keyring.forget()
    yield path
    keys.forget()
    keyring.forget()


@pytest.fixture
def empty_ring(transactional_db: None, root_key_path: Path) -> Path:
    """A database without keys, and a place without a root key."""
    DataKey.objects.all().delete()
    return root_key_path
