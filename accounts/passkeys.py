"""WebAuthn (W3C, Level 3): what a browser is asked for, and which of its answers hold.

Nothing here reads or writes a row. User verification is always required, so that a passkey is
something held and something known at once, as a password login's device and password are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import webauthn
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from django.conf import settings
from webauthn.helpers import (
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    options_to_json_dict,
    parse_attestation_object,
    parse_client_data_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AttestationFormat,
    AuthenticationCredential,
    AuthenticatorAssertionResponse,
    AuthenticatorAttestationResponse,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from accounts.errors import PasskeysUnavailable
from devices.protocol.encoding import b64url

ALGORITHMS = [
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
# A larger one would only make each login slow.
RSA_BITS = range(2048, 8192 + 1)
TRANSPORTS = tuple(transport.value for transport in AuthenticatorTransport)


class PasskeyRefused(Exception):
    """A browser's answer does not hold. The text is for logs and tests, never for a stranger."""


@dataclass(frozen=True)
class Creation:
    """A RegistrationResponseJSON, decoded."""

    credential_id: bytes
    client_data: bytes
    attestation_object: bytes


@dataclass(frozen=True)
class Assertion:
    """An AuthenticationResponseJSON, decoded. `user_handle` is empty where none was sent."""

    credential_id: bytes
    client_data: bytes
    authenticator_data: bytes
    signature: bytes
    user_handle: bytes


@dataclass(frozen=True)
class NewPasskey:
    """What a creation that holds brings. `backup_eligible`: it may be copied to other devices."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    aaguid: str
    backup_eligible: bool
    backed_up: bool


@dataclass(frozen=True)
class Asserted:
    """What an assertion that holds says. Whether `sign_count` has risen is for the row's lock to tell."""

    sign_count: int
    backed_up: bool


def rp_id() -> str:
    """The relying party's id: the origin's host without its port.

    Raises PasskeysUnavailable where that is an IP address, which WebAuthn §5.1.2 takes for none.
    """
    host = urlsplit(settings.HVX_ORIGIN).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return host
    raise PasskeysUnavailable


def creation_options(
    *, account: str, username: str, user_handle: bytes, challenge: bytes, known: Iterable[bytes], seconds: int
) -> dict[str, Any]:
    """PublicKeyCredentialCreationOptionsJSON. `known` are credential ids that the account has."""
    options = webauthn.generate_registration_options(
        rp_id=rp_id(),
        rp_name=settings.HVX_INSTANCE_NAME,
        user_id=user_handle,
        user_name=account,
        user_display_name=username,
        challenge=challenge,
        timeout=seconds * 1000,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
        supported_pub_key_algs=ALGORITHMS,
    )
    return options_to_json_dict(options)


def request_options(*, challenge: bytes, seconds: int) -> dict[str, Any]:
    """PublicKeyCredentialRequestOptionsJSON that names no credential, so it tells of no account."""
    options = webauthn.generate_authentication_options(
        rp_id=rp_id(),
        challenge=challenge,
        timeout=seconds * 1000,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


def challenge_in(client_data: bytes) -> bytes:
    """The challenge that a browser says it answers. Raises PasskeyRefused.

    Also refuses what came out of a frame of another site (WebAuthn §13.4.9): nothing here is
    made to be embedded.
    """
    try:
        read = parse_client_data_json(client_data)
    except Exception as error:
        # Whatever a library makes of a stranger's bytes is a refusal, never a failure of ours.
        raise PasskeyRefused("the client data cannot be read") from error
    if read.cross_origin:
        raise PasskeyRefused("the answer was made in another site's frame")
    return read.challenge


def verify_creation(given: Creation, challenge: bytes) -> NewPasskey:
    """Raises PasskeyRefused."""
    credential = RegistrationCredential(
        id=b64url(given.credential_id),
        raw_id=given.credential_id,
        response=AuthenticatorAttestationResponse(
            client_data_json=given.client_data, attestation_object=given.attestation_object
        ),
    )
    try:
        _refuse_certificates(given.attestation_object)
        verified = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=rp_id(),
            expected_origin=settings.HVX_ORIGIN,
            require_user_verification=True,
            supported_pub_key_algs=ALGORITHMS,
        )
        # With `none` nothing has used the key yet: one that is no key must not be kept.
        key = decoded_public_key_to_cryptography(decode_credential_public_key(verified.credential_public_key))
    except PasskeyRefused:
        raise
    except Exception as error:
        raise PasskeyRefused("the answer to the creation options does not hold") from error
    if isinstance(key, RSAPublicKey) and key.key_size not in RSA_BITS:
        raise PasskeyRefused("the RSA key is too short, or too long")
    if verified.credential_id != given.credential_id:
        raise PasskeyRefused("the authenticator made another credential")
    return NewPasskey(
        credential_id=verified.credential_id,
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        aaguid=verified.aaguid,
        backup_eligible=verified.credential_device_type == CredentialDeviceType.MULTI_DEVICE,
        backed_up=verified.credential_backed_up,
    )


def _refuse_certificates(attestation_object: bytes) -> None:
    """`none` was asked for. A browser may leave an authenticator's signature by the new key itself;
    certificates of makers are read by nobody here, so neither are they parsed."""
    read = parse_attestation_object(attestation_object)
    of_itself = read.fmt == AttestationFormat.PACKED and read.att_stmt.x5c is None
    if read.fmt != AttestationFormat.NONE and not of_itself:
        raise PasskeyRefused("an attestation that was not asked for")


def verify_assertion(
    given: Assertion, challenge: bytes, *, public_key: bytes, backup_eligible: bool
) -> Asserted:
    """Raises PasskeyRefused. The user handle is the caller's to compare."""
    credential = AuthenticationCredential(
        id=b64url(given.credential_id),
        raw_id=given.credential_id,
        response=AuthenticatorAssertionResponse(
            client_data_json=given.client_data,
            authenticator_data=given.authenticator_data,
            signature=given.signature,
            user_handle=given.user_handle,
        ),
    )
    try:
        verified = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=rp_id(),
            expected_origin=settings.HVX_ORIGIN,
            credential_public_key=public_key,
            # Compared by the caller under the row's lock, so that of two copies at once one loses.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except Exception as error:
        raise PasskeyRefused("the answer to the request options does not hold") from error
    # WebAuthn §7.2: a credential is eligible for back-up from its first day, or never.
    if (verified.credential_device_type == CredentialDeviceType.MULTI_DEVICE) != backup_eligible:
        raise PasskeyRefused("the credential says another thing of its back-up than when it was made")
    return Asserted(sign_count=verified.new_sign_count, backed_up=verified.credential_backed_up)


def known_transports(said: Sequence[str]) -> list[str]:
    """Those of the words that WebAuthn knows, each once, in its order."""
    return [word for word in TRANSPORTS if word in said]
