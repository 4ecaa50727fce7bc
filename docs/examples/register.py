"""Register an account over the native API with httpx, pyjwt and GnuPG: python register.py [ORIGIN]

The shortest honest client: it proves its device key, computes the device hash itself, builds what it
signs itself, and gives the server the public half of the account key. It keeps nothing: a real client
stores both keys and has its user back the account key up.
"""

import base64
import hashlib
import secrets
import sys
import tempfile
import time

import gnupg
import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

origin = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:8000"
api = f"{origin}/api/hvx/v1/"
http = httpx.Client()


def b64url(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_b64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def lp(*parts):
    """Each part behind its length in four bytes."""
    raw = [part.encode() if isinstance(part, str) else part for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in raw)


# The device key proves which device speaks. It never leaves this device.
device_key = Ed25519PrivateKey.generate()
public = device_key.public_key().public_bytes_raw()
jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64url(public)}
nonce = http.get(api + "instance").headers["DPoP-Nonce"]


def call(method, path, body=None, token=None):
    """One call with a proof of the device key (RFC 9449), repeated once for a newer nonce."""
    global nonce
    for _ in range(2):
        claims = {
            "htm": method,
            "htu": api + path,
            "iat": int(time.time()),
            "jti": secrets.token_urlsafe(16),
            "nonce": nonce,
        }
        proof = jwt.encode(claims, device_key, algorithm="EdDSA", headers={"typ": "dpop+jwt", "jwk": jwk})
        headers = {"DPoP": proof} | ({"Authorization": f"Bearer {token}"} if token else {})
        answer = http.request(method, api + path, json=body, headers=headers)
        nonce = answer.headers["DPoP-Nonce"]
        if answer.is_success:
            return answer.json()
        problem = answer.json()
        if problem["code"] != "use_dpop_nonce":
            break
    raise SystemExit(f"{answer.status_code} {problem['code']}: {problem['detail']}")


# A challenge, and the device hash that follows from it.
username = f"example_{secrets.token_hex(4)}"
account = f"{username}@{origin.partition('://')[2]}"
given = call("POST", "challenges", {"purpose": "register", "username": username})
challenge = from_b64url(given["challenge"])
device = b64url(hashlib.sha256(lp("hvx-device/1", account, public, challenge)).digest())
if (given["account"], given["origin"], given["device"]) != (account, origin, device):
    raise SystemExit("The server gave a challenge for something else; nothing was signed.")

with tempfile.TemporaryDirectory() as home:
    # The account key is made here; the server gets the public half.
    gpg = gnupg.GPG(gnupghome=home)
    key = gpg.gen_key(
        "Key-Type: eddsa\nKey-Curve: ed25519\nKey-Usage: cert sign\n"
        "Subkey-Type: ecdh\nSubkey-Curve: cv25519\nSubkey-Usage: encrypt\n"
        f"Name-Real: {account}\nExpire-Date: 0\n%no-protection\n%commit\n"
    )
    # By it the account says that this device is one of its own.
    certificate = "\n".join(
        (
            "hvx-device-certificate/1",
            f"origin: {origin}",
            f"account: {account}",
            f"key: {key.fingerprint}",
            f"device: {device}",
            f"device-key: {jwk['x']}",
            f"challenge: {given['challenge']}",
        )
    )
    signature = gpg.sign(certificate, detach=True, extra_args=["--digest-algo", "SHA256"])
    registered = call(
        "POST",
        "accounts",
        {
            "username": username,
            "email": f"{username}@example.org",
            "password": secrets.token_urlsafe(16),
            "public_key": gpg.export_keys(key.fingerprint),
            "device": {"name": "example", "platform": "Python"},
            "challenge": given["challenge"],
            "certificate": str(signature),
        },
    )

print("Registered", registered["account"]["account"], "with the key", registered["account"]["fingerprint"])
for row in call("GET", "devices", token=registered["access_token"])["results"]:
    print("Device", row["device"], row["name"], row["state"])
