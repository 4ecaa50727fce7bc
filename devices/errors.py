"""What devices and their tokens are refused for."""

from audit.errors import Problem


class NotAuthenticated(Problem):
    status, code, title = 401, "not_authenticated", "An access token is needed"


class InvalidToken(Problem):
    status, code, title = 401, "invalid_token", "The access token is not valid here, or no longer"


class DeviceRevoked(Problem):
    status, code, title = 401, "device_revoked", "This device has ended; make a new device key"


class UseDPoPNonce(Problem):
    status, code, title = 401, "use_dpop_nonce", "Repeat with the nonce of the DPoP-Nonce header"


class InvalidDPoPProof(Problem):
    status, code, title = 401, "invalid_dpop_proof", "The proof of possession does not hold"


class DevicePending(Problem):
    status, code, title = 403, "device_pending", "This device is not certified yet"


class AppToken(Problem):
    status, code, title = 403, "app_token", "This token does not reach the native API"


class InsufficientScope(Problem):
    status, code, title = 403, "insufficient_scope", "This access key's scopes do not reach this call"


class DeviceKeyInUse(Problem):
    status, code, title = 409, "device_key_in_use", "This device key belongs to another account"


class LastDevice(Problem):
    status, code, title = (
        409,
        "last_device",
        "This is the last active device; repeat with ?key_backed_up=true if the key is backed up",
    )


class ChallengeInvalid(Problem):
    status, code, title = 422, "challenge_invalid", "The challenge is spent, expired or another's"


class UnknownDevice(Problem):
    status, code, title = 404, "unknown_device", "The account has no such device"


class DeviceEnded(Problem):
    status, code, title = 409, "device_ended", "This device has ended already"


class IdempotencyKeyReused(Problem):
    status, code, title = 422, "idempotency_key_reused", "This Idempotency-Key came with another body"


class IdempotencyKeyInvalid(Problem):
    status, code, title = 400, "idempotency_key_invalid", "Idempotency-Key is 1 to 255 printable characters"


class CursorInvalid(Problem):
    status, code, title = 400, "cursor_invalid", "This cursor came from no page; begin without one"


class TooLarge(Problem):
    status, code, title = 413, "too_large", "The body is too large"


class UnknownDeviceKey(Problem):
    status, code, title = 401, "unknown_device_key", "No device here has this key; log in with it"
