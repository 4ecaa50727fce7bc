"""What each type of activity does here.

A handler is called in a transaction in which the activity's row is marked done; `authority.against` has been
asked. What depends on rows it asks itself. It fetches nothing: see Context.
"""

from collections.abc import Mapping
from typing import Final

from activitypub.inbox.context import Context, Handler, Needs, NoEffect, Unfinished
from activitypub.inbox.handlers import (
    accept,
    add,
    announce,
    block,
    create,
    delete,
    flag,
    follow,
    like,
    move,
    quote_request,
    reject,
    remove,
    undo,
    update,
)

__all__ = ["HANDLERS", "Context", "Handler", "Needs", "NoEffect", "Unfinished"]

# Of a type that is not here nothing comes: its outcome is `unsupported`.
HANDLERS: Final[Mapping[str, Handler]] = {
    "Accept": accept.handle,
    "Add": add.handle,
    "Announce": announce.handle,
    "Block": block.handle,
    "Create": create.handle,
    "Delete": delete.handle,
    "EmojiReact": like.handle,
    "Flag": flag.handle,
    "Follow": follow.handle,
    "Like": like.handle,
    "Move": move.handle,
    "QuoteRequest": quote_request.handle,
    "Reject": reject.handle,
    "Remove": remove.handle,
    "Undo": undo.handle,
    "Update": update.handle,
}
