"""What comes of looking at what a client posts: something that can be done at once, in one transaction."""

from collections.abc import Callable, Mapping
from typing import Any

Made = Mapping[str, Any]
Deed = Callable[[], Made]
