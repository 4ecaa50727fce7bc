"""What registration, login and the account's own calls are refused for."""

from audit.errors import Problem


class UsernameTaken(Problem):
    status, code, title = 409, "username_taken", "This username is taken"


class EmailTaken(Problem):
    status, code, title = 409, "email_taken", "This e-mail address has an account already"


class RegistrationClosed(Problem):
    status, code, title = 403, "registration_closed", "This server takes no registrations"


class InviteInvalid(Problem):
    status, code, title = 403, "invite_invalid", "The invite is missing, used up or expired"


class InvalidCredentials(Problem):
    status, code, title = 401, "invalid_credentials", "Name or password is wrong"


class PasswordWrong(Problem):
    status, code, title = 403, "password_wrong", "The password is wrong"


class PasskeysUnavailable(Problem):
    status, code, title = (
        403,
        "passkeys_unavailable",
        "This server's origin is an IP address, and passkeys need a name",
    )


class PasskeyInvalid(Problem):
    status, code, title = 422, "passkey_invalid", "The passkey does not answer what was asked"


class PasskeyInUse(Problem):
    status, code, title = 409, "passkey_in_use", "This passkey is registered already"


class PasskeyLimit(Problem):
    status, code, title = 409, "passkey_limit", "An account has at most 20 passkeys; remove one first"


class UnknownPasskey(Problem):
    status, code, title = 404, "unknown_passkey", "The account has no such passkey"


class InvalidAccessKey(Problem):
    status, code, title = 401, "invalid_access_key", "There is no access key of this id and secret"


class AccessKeyExpired(Problem):
    status, code, title = 401, "access_key_expired", "The time of this access key is over"


class AccessKeyLimit(Problem):
    status, code, title = 409, "access_key_limit", "An account has at most 50 access keys; end one first"


class UnknownAccessKey(Problem):
    status, code, title = 404, "unknown_access_key", "The account has no such access key"


class RateLimited(Problem):
    status, code, title = 429, "rate_limited", "Too many attempts; wait as Retry-After says"


class Busy(Problem):
    status, code, title = 503, "busy", "Too many passwords are being checked just now; try again"


class CertificateInvalid(Problem):
    status, code, title = 422, "certificate_invalid", "The device certificate does not hold"


class RevocationInvalid(Problem):
    status, code, title = 422, "revocation_invalid", "The revocation does not hold"


class TransitionInvalid(Problem):
    status, code, title = 422, "transition_invalid", "The key transition does not hold"


class KeyUnchanged(Problem):
    status, code, title = 409, "key_unchanged", "This is the account's key already"


class UnknownAccount(Problem):
    status, code, title = 404, "unknown_account", "There is no such account here"


class SecretMissing(Problem):
    status, code, title = 404, "secret_missing", "No account secret has been stored yet"


class SecretInvalid(Problem):
    status, code, title = (
        422,
        "secret_invalid",
        "The account secret must be one OpenPGP message encrypted to the account key",
    )


class PublicKeyRefused(Problem):
    """Base of the refusals of an OpenPGP public key; each has its own code."""

    status, code, title = 422, "public_key_refused", "The public key is refused"


class PublicKeyTooLarge(PublicKeyRefused):
    code, title = "public_key_too_large", "The public key is larger than 64 KiB"


class PublicKeyUnreadable(PublicKeyRefused):
    code, title = "public_key_unreadable", "This is no armored OpenPGP public key"


class PublicKeySecret(PublicKeyRefused):
    code, title = (
        "public_key_secret",
        "This holds a private key. It was not stored; it must never leave your devices",
    )


class PublicKeyNotSingle(PublicKeyRefused):
    code, title = "public_key_not_single", "Exactly one certificate is wanted"


class PublicKeyVersion(PublicKeyRefused):
    code, title = "public_key_version", "The key must be of OpenPGP version 4"


class PublicKeyAlgorithm(PublicKeyRefused):
    code, title = (
        "public_key_algorithm",
        "Keys and subkeys must be EdDSA/Curve25519, or RSA of at least 3072 bits",
    )


class PublicKeyExpired(PublicKeyRefused):
    code, title = "public_key_expired", "The key has expired"


class PublicKeyRevoked(PublicKeyRefused):
    code, title = "public_key_revoked", "The key has been revoked"


class PublicKeyCannotSign(PublicKeyRefused):
    code, title = "public_key_cannot_sign", "The primary key may not sign"


class PublicKeyCannotEncrypt(PublicKeyRefused):
    code, title = "public_key_cannot_encrypt", "The key has no live subkey for encryption"
