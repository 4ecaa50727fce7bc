"""The ports that lower rooms own, and the functions of higher rooms that answer them.

This is the one place that knows both ends. Each function is called inside the caller's transaction.
"""

from devices.ports import device_ended
from keyexchange.services import end_exchanges_of

WIRES = ((device_ended, end_exchanges_of),)


def wire() -> None:
    """Connect every port; twice does no harm."""
    for port, function in WIRES:
        port.connect(function)
