"""What the devices room needs of rooms above it, as typed ports that hvx/wiring.py connects."""

from collections.abc import Callable
from typing import Generic, ParamSpec

P = ParamSpec("P")


class Port(Generic[P]):
    """Functions of one signature, called in turn inside the caller's transaction.

    An exception in one of them rolls the caller back: what a room must do with an event is part
    of the event.
    """

    def __init__(self) -> None:
        self._functions: list[Callable[P, object]] = []

    def connect(self, function: Callable[P, object]) -> None:
        """Add a function; the same one twice stands once. What it returns is for others."""
        if function not in self._functions:
            self._functions.append(function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        for function in self._functions:
            function(*args, **kwargs)


# (device hash, account id): the device has ended, or is active no longer.
device_ended: Port[[str, str]] = Port()
