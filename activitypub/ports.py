"""What the activitypub room tells others, as typed ports."""

from devices.ports import Port

# (actor id): what the document of a local actor says has changed. Called inside the transaction in which
# it changed; servers that know the actor are to be sent an Update of it.
actor_changed: Port[[int]] = Port()
