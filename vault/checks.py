"""System checks of the vault: a start that cannot work is stopped with its reason."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, register

from vault import rootkey
from vault.errors import RootKeyMissing, RootKeyUnsafe
from vault.keys import root_key_path


@register(Tags.security)
def root_key_file_is_safe(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse a root key file that others can reach. A missing one is judged by the ring."""
    try:
        rootkey.load(root_key_path())
    except RootKeyMissing:
        return []
    except RootKeyUnsafe as error:
        return [Error(str(error), id="vault.E001")]
    return []
