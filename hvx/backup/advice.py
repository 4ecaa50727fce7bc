"""What an operator must know of a back-up just made: what opens it, and what is not in it."""

from hvx.backup import opening
from vault import keys
from vault.protectors import keyfile


def what_opens_it() -> str:
    """Return it in one or two sentences."""
    kinds = sorted({protector.kind for protector in opening.protectors()})
    if kinds == [keyfile.KIND]:
        return (
            f"It opens by the key file {keys.root_key_path()} alone, which is NOT in it: keep a copy of that "
            "file in another place, or what is here is lost with the machine. After `manage.py vault rewrap "
            "--add passphrase` the next one opens by that too."
        )
    others = ", ".join(kind for kind in kinds if kind != keyfile.KIND)
    return (
        f"It opens as the vault does now: by {others}. Whoever has neither that nor the key file learns "
        "nothing from it."
    )
