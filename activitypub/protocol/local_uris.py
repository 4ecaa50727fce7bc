"""The addresses of this server's actors (PROTOCOL §6), made from the origin and read back."""

from dataclasses import dataclass
from typing import Self

# Who the server itself is in the fediverse. The username is reserved, so it is nobody's.
INSTANCE_USERNAME = "actor"
_USERS = "/users/"
# Below an actor's address: those of its followers who are on the host that asks (FEP-8fcf).
SYNCHRONIZATION = "followers_synchronization"


@dataclass(frozen=True)
class ActorURIs:
    """Where an actor and all that belongs to it stands. What it does not have is empty."""

    id: str
    inbox: str
    shared_inbox: str
    outbox: str
    followers: str = ""
    following: str = ""
    featured: str = ""

    @classmethod
    def of_user(cls, origin: str, username: str) -> Self:
        """The addresses of an account's actor."""
        uri = f"{origin}{_USERS}{username}"
        return cls(
            id=uri,
            inbox=f"{uri}/inbox",
            shared_inbox=f"{origin}/inbox",
            outbox=f"{uri}/outbox",
            followers=f"{uri}/followers",
            following=f"{uri}/following",
            featured=f"{uri}/featured",
        )

    @classmethod
    def of_instance(cls, origin: str) -> Self:
        """The addresses of the server's own actor, to whom one writes at the shared inbox."""
        uri = f"{origin}/{INSTANCE_USERNAME}"
        return cls(id=uri, inbox=f"{origin}/inbox", shared_inbox=f"{origin}/inbox", outbox=f"{uri}/outbox")


def bookmarks_of(uri: str) -> str:
    """Where an account's actor keeps posts for its owner alone."""
    return f"{uri}/bookmarks"


def username_at(origin: str, uri: str) -> str | None:
    """Return whose actor stands at an address of this origin; None where there can be none.

    The whole address has to be an actor's: nothing behind the name, not even a fragment.
    """
    if uri == f"{origin}/{INSTANCE_USERNAME}":
        return INSTANCE_USERNAME
    before, found, username = uri.partition(_USERS)
    if before != origin or not found or username == INSTANCE_USERNAME:
        return None
    return username if username and not set(username) & set("/?#") else None
