from tests.activitypub.inbox.conftest import bob, elsewhere, loopback_peers, mallory, peer

__all__ = ["bob", "elsewhere", "loopback_peers", "mallory", "peer"]
