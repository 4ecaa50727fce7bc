"""What an operator sets by the environment, read as what it is meant for."""

import os

from django.core.exceptions import ImproperlyConfigured

# The words that switch something on or off, in any mixture of small and capital letters.
_ON = frozenset(("1", "on", "t", "true", "y", "yes"))
_OFF = frozenset(("0", "off", "f", "false", "n", "no"))


def text(name: str, default: str) -> str:
    """The variable as it stands."""
    return os.environ.get(name, default)


def number(name: str, default: int) -> int:
    """Raises ImproperlyConfigured for what is no whole number."""
    value = os.environ.get(name)
    try:
        return default if value is None else int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is no whole number") from None


def switch(name: str, default: bool) -> bool:
    """Raises ImproperlyConfigured for a word that says neither yes nor no."""
    value = os.environ.get(name)
    if value is None:
        return default
    if value.lower() in _ON:
        return True
    if value.lower() in _OFF:
        return False
    raise ImproperlyConfigured(f"{name} is neither on nor off")


def items(name: str, default: list[str], delimiter: str = ",") -> list[str]:
    """What stands between the delimiters; nothing in an empty variable."""
    value = os.environ.get(name)
    if value is None:
        return default
    return value.split(delimiter) if value else []
