"""What each type of activity does here.

A handler is called in a transaction in which the activity's row is marked done; `authority.against` has been
asked. What depends on rows it asks itself. It fetches nothing: see Context.
"""

from collections.abc import Mapping
from typing import Final

from activitypub.inbox.context import Context, Handler, Needs, NoEffect, Unfinished
from activitypub.inbox.handlers import announce, create, delete, update

__all__ = ["HANDLERS", "Context", "Handler", "Needs", "NoEffect", "Unfinished"]

# Of a type that is not here nothing comes: its outcome is `unsupported`.
HANDLERS: Final[Mapping[str, Handler]] = {
    "Announce": announce.handle,
    "Create": create.handle,
    "Delete": delete.handle,
    "Update": update.handle,
}
