"""Protectors as an operator names them, and made for a root key."""

import re
from collections.abc import Callable, Iterable, Mapping

from django.core.management.base import CommandError

from vault import replacing
from vault.protectors import credential, keyfile, keyring, passphrase, shares
from vault.rootkey import RootKey
from vault.vaultfile import Protector
from vault.verbs.asking import Asking

HELP = "keyfile, passphrase, keyring, credential, or shares=T/N (any T of N)"
_SHARES = re.compile(r"shares=(\d{1,2})/(\d{1,2})")


def shares_last(names: Iterable[str]) -> list[str]:
    """Return them in the order in which they are made: all is asked for before any share is shown."""
    return sorted(names, key=lambda name: name.startswith(shares.KIND))


def make(name: str, root: RootKey, asking: Asking) -> Protector:
    """Return the protector that `name` asks for; asks for or shows what belongs to it."""
    if name in _MAKERS:
        return _MAKERS[name](root, asking)
    if found := _SHARES.fullmatch(name):
        return split(root, int(found[1]), int(found[2]), asking)
    raise CommandError(f"{name!r} is no protector: {HELP}")


def split(root: RootKey, threshold: int, count: int, asking: Asking) -> Protector:
    """Return a protector by new shares, after they were shown."""
    try:
        made = shares.protect(threshold, count)
    except ValueError as error:
        raise CommandError(str(error)) from None
    asking.show(made)
    return Protector.make(root, shares.KIND, made.parameters, made.key)


def told(protector: Protector) -> str:
    """Return a protector in a few words, without what only the machine needs."""
    if protector.kind == shares.KIND:
        return "shares, {} of {}".format(*shares.numbers(protector))
    return protector.kind


def again(protector: Protector, root: RootKey, asking: Asking) -> Protector:
    """Return a protector of the same kind for another root key, with a new key wherever one can be made."""
    if protector.kind == keyfile.KIND:
        from vault import keys

        return Protector.make(root, keyfile.KIND, {}, keyfile.draft_next(keys.root_key_path()))
    if protector.kind == shares.KIND:
        return split(root, *shares.numbers(protector), asking)
    return make(protector.kind, root, asking)


def _with_key_file(root: RootKey, asking: Asking) -> Protector:
    return replacing.with_key_file(root)


def _with_passphrase(root: RootKey, asking: Asking) -> Protector:
    try:
        made = passphrase.protect(asking.new_passphrase())
    except ValueError as error:
        raise CommandError(str(error)) from None
    return Protector.make(root, passphrase.KIND, *made)


def _with_keyring(root: RootKey, asking: Asking) -> Protector:
    return Protector.make(root, keyring.KIND, *keyring.protect())


def _with_credential(root: RootKey, asking: Asking) -> Protector:
    return Protector.make(root, credential.KIND, {}, credential.kek())


_MAKERS: Mapping[str, Callable[[RootKey, Asking], Protector]] = {
    keyfile.KIND: _with_key_file,
    passphrase.KIND: _with_passphrase,
    keyring.KIND: _with_keyring,
    credential.KIND: _with_credential,
}
