"""The audit's keys, from the vault by a port."""

from audit import ports
from audit.protocol.chain import Keys, keys_from


def current() -> Keys:
    """The two keys, derived anew each time: what is kept of them is the vault's to forget.

    Raises what the port raises where the vault is sealed.
    """
    return keys_from(ports.key())
