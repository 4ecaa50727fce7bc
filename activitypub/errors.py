"""What the activitypub room refuses."""

from audit.errors import Problem


class UnknownActor(Problem):
    status, code, title = 404, "unknown_actor", "There is no such actor here"


class ActorGone(Problem):
    status, code, title = 410, "actor_gone", "This actor was erased, and its name is given to nobody else"


class ActorSuspended(Problem):
    status, code, title = 403, "actor_suspended", "This actor is suspended"


class ResourceInvalid(Problem):
    status, code, title = 400, "resource_invalid", "resource must be acct:name@host, or an actor's address"
