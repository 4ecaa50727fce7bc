"""The claims of an access token (RFC 9068 profile, PROTOCOL §3)."""

from dataclasses import dataclass
from typing import Any

from devices.protocol.device_hash import DeviceHash
from devices.protocol.dpop import JKT

TYPE = "at+jwt"
ALGORITHM = "EdDSA"
LIFETIME_SECONDS = 600
CLIENT_ID = "hvx"


@dataclass(frozen=True)
class Claims:
    """What a verified token says."""

    account_id: str
    username: str
    device: DeviceHash
    scope: str
    expires_at: int
    jkt: JKT | None


def payload(
    *,
    origin: str,
    account_id: str,
    username: str,
    email: str,
    device: DeviceHash,
    scope: str,
    jkt: JKT | None,
    jti: str,
    now: int,
    seconds: int = LIFETIME_SECONDS,
) -> dict[str, Any]:
    """The JWT's claims, which hold for `seconds`. An app's or access key's token, of other scopes,
    tells no e-mail address."""
    claims: dict[str, Any] = {
        "iss": origin,
        "aud": origin,
        "client_id": CLIENT_ID,
        "sub": account_id,
        "username": username,
        "device": device,
        "scope": scope,
        "iat": now,
        "exp": now + seconds,
        "jti": jti,
    }
    if scope in ("full", "pending"):
        claims["email"] = email
    if jkt is not None:
        claims["cnf"] = {"jkt": jkt}
    return claims


def read(claims: dict[str, Any]) -> Claims:
    """The claims of a token whose signature holds. Raises KeyError or TypeError for another shape."""
    confirmation = claims.get("cnf", {})
    return Claims(
        account_id=str(claims["sub"]),
        username=str(claims.get("username", "")),
        device=DeviceHash(str(claims["device"])),
        scope=str(claims["scope"]),
        expires_at=int(claims["exp"]),
        jkt=JKT(str(confirmation["jkt"])) if confirmation else None,
    )
