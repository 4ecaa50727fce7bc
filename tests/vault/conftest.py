"""What every test of the vault starts from."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings

from vault import keyring, keys


@pytest.fixture
def root_key_path(settings: LazySettings, tmp_path: Path) -> Iterator[Path]:
    """A place for a vault and its key file, empty as yet, that this test's process looks at."""
    path = tmp_path / "data" / "root.key"
    settings.HVX_DATA_DIR = path.parent
    settings.HVX_ROOT_KEY_FILE = path
    keys.forget()
    keyring.forget()
    yield path
    keys.forget()
    keyring.forget()
