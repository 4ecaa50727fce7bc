"""What every test of the audit starts from."""

from pathlib import Path

import pytest
from django.conf import LazySettings

from vault import keys


@pytest.fixture(autouse=True)
def data_dir(settings: LazySettings, tmp_path: Path) -> Path:
    """A data folder of the test's own: the head file of another's database would be none of this one's."""
    # The vault stays where it is: a test before may have let go of its keys, and here is none to open.
    keys.root()
    keys.database_key()
    settings.HVX_DATA_DIR = tmp_path
    return tmp_path
