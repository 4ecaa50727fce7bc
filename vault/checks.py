"""System checks of the vault: a start that cannot work is stopped with its reason."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, register

from vault import vaultfile
from vault.errors import RootKeyError, RootKeyMissing
from vault.keys import root_key_path, vault_path
from vault.protectors import keyfile


@register(Tags.security)
def vault_files_are_safe(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse files of the vault that others can reach. A missing one is judged by the ring."""
    problems: list[CheckMessage] = []
    for load, path in ((keyfile.load, root_key_path()), (vaultfile.read, vault_path())):
        try:
            load(path)
        except RootKeyMissing:
            pass
        except RootKeyError as error:
            problems.append(Error(str(error), id="vault.E001"))
    return problems
