"""What the activitypub room refuses."""

from audit.errors import Problem


class UnknownActor(Problem):
    status, code, title = 404, "unknown_actor", "There is no such actor here"


class ActorGone(Problem):
    status, code, title = 410, "actor_gone", "This actor was erased, and its name is given to nobody else"


class ActorSuspended(Problem):
    status, code, title = 403, "actor_suspended", "This actor is suspended"


class ActorMoved(Problem):
    status, code, title = 403, "actor_moved", "You have moved: from here nothing new is sent"


class MoveRefused(Problem):
    """`reason` is a stable word of `services.moving`, or of `protocol.authority`."""

    status, code, title = 422, "move_refused", "You cannot move there"

    def __init__(self, reason: str) -> None:
        super().__init__(f"{self.title}: {reason}")
        self.reason = str(reason)


class MovedLately(Problem):
    status, code, title = 429, "moved_lately", "Nobody moves more than once in 30 days"

    def __init__(self, wait: int) -> None:
        super().__init__(headers={"Retry-After": str(wait)})


class ResourceInvalid(Problem):
    status, code, title = 400, "resource_invalid", "resource must be acct:name@host, or an actor's address"


class SignatureRefused(Problem):
    """`reason` is a stable word of `protocol.signatures.reasons`, or begins with `key_`."""

    status, code, title = 401, "signature_refused", "The request is not signed as it must be"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"{self.title}: {reason}",
            headers={"WWW-Authenticate": 'Signature headers="(request-target) host date digest"'},
        )
        self.reason = str(reason)


class KeyUnavailable(Problem):
    """The reason is that of the fetch."""

    status, code, title = 503, "key_unavailable", "The key's server does not answer now; send it again later"

    def __init__(self, reason: str) -> None:
        super().__init__(f"{self.title}: {reason}", headers={"Retry-After": "60"})
        self.reason = str(reason)


class HostSuspended(Problem):
    status, code, title = 403, "host_suspended", "This server exchanges nothing with that one"


class _NotTaken(Problem):
    """`reason` is a stable word of `protocol.authority`, or of `protocol.documents.refusals`."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{self.title}: {reason}")
        self.reason = str(reason)


class ActivityRefused(_NotTaken):
    """What can be read, and may not be."""

    status, code, title = 422, "activity_refused", "The activity can have no effect"


class ActivityMalformed(_NotTaken):
    """What no reader could take for a document of JSON."""

    status, code, title = 400, "activity_malformed", "The body is no document that everybody reads alike"


class ActivityTooLarge(Problem):
    status, code, title = 413, "activity_too_large", "An activity has at most 1 MiB"


class NoActivity(Problem):
    status, code, title = 415, "no_activity", "An inbox takes application/activity+json"


class TooSlow(Problem):
    status, code, title = 408, "too_slow", "The body did not come in time"


class InboxBusy(Problem):
    status, code, title = 503, "inbox_busy", "Too much is coming in just now; send it again later"

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "10"})


class UnknownPost(Problem):
    status, code, title = 404, "unknown_post", "There is no such post, or not for you"


class PostDeleted(Problem):
    status, code, title = 410, "post_deleted", "This post was deleted"


class UnknownRecipient(Problem):
    status, code, title = 422, "unknown_recipient", "An address names nobody whom this server can reach"


class BlockedByThem(Problem):
    status, code, title = 403, "blocked_by_them", "They want nothing of you"


class NotYours(Problem):
    status, code, title = 403, "not_yours", "What is another's is not yours to speak for or to change"


class FollowImpossible(Problem):
    status, code, title = 422, "follow_impossible", "Nobody follows themselves, or who moved or has no inbox"


class BlockedByYou(Problem):
    status, code, title = 422, "blocked_by_you", "You have blocked them, or their host"


class UnknownFollow(Problem):
    status, code, title = 404, "unknown_follow", "There is no such follow, or request"


class NotShared(Problem):
    status, code, title = 403, "not_shared", "What is not for everybody is not shown to others"


class InteractionRefused(Problem):
    status, code, title = 403, "interaction_refused", "Its author does not let you do that to it"


class NotQuotable(Problem):
    status, code, title = 403, "not_quotable", "Its author does not let you quote it here"


class UnknownQuoteRequest(Problem):
    status, code, title = 404, "unknown_quote_request", "Nobody asks you that, or it was answered"


class UnknownReaction(Problem):
    status, code, title = 404, "unknown_reaction", "There is no such like or boost of yours"


class BlockImpossible(Problem):
    status, code, title = 422, "block_impossible", "Nobody blocks themselves"


class UnknownBlock(Problem):
    status, code, title = 404, "unknown_block", "You block no such actor"


class ReportImpossible(Problem):
    status, code, title = 422, "report_impossible", "Nobody reports themselves, or this server"


class MuteImpossible(Problem):
    status, code, title = 422, "mute_impossible", "Nobody mutes themselves"


class UnknownMute(Problem):
    status, code, title = 404, "unknown_mute", "You mute no such actor"


class HostBlockImpossible(Problem):
    status, code, title = 422, "host_block_impossible", "Nobody blocks this server from within"


class UnknownHostBlock(Problem):
    status, code, title = 404, "unknown_host_block", "You block no such host"


class TooManyReactions(Problem):
    status, code, title = 422, "too_many_reactions", "Nobody reacts to one post in so many ways"


class UnknownBookmark(Problem):
    status, code, title = 404, "unknown_bookmark", "You have kept no such post"


class UnknownTag(Problem):
    status, code, title = 404, "unknown_tag", "No hashtag is written like this"


class UnknownPin(Problem):
    status, code, title = 404, "unknown_pin", "You have pinned no such post"


class PollRefusesVote(Problem):
    """`reason` is a stable word of `services.polls`."""

    status, code, title = 422, "poll_refuses_vote", "This cannot be voted for"

    def __init__(self, reason: str) -> None:
        super().__init__(f"{self.title}: {reason}")
        self.reason = str(reason)
