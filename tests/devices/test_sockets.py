"""Who a socket comes from: the same check as for HTTP, on an upgrade (PROTOCOL §4)."""

from typing import Any

import pytest

from audit.errors import Problem
from devices.sockets import _authenticate
from tests.api.apps import app_token
from tests.people import DjangoWire, Handset, Person

PATH = "/ws/keyexchange"
V1 = "hvx.keyexchange.v1"


def upgrade(
    *, authorization: str = "", proof: str = "", subprotocols: tuple[str, ...] = (V1,), path: str = PATH
) -> dict[str, Any]:
    """An ASGI scope."""
    headers = [(b"host", b"localhost:8000")]
    if authorization:
        headers.append((b"authorization", authorization.encode()))
    if proof:
        headers.append((b"dpop", proof.encode()))
    return {"type": "websocket", "path": path, "headers": headers, "subprotocols": list(subprotocols)}


def proof_of(handset: Handset, **members: Any) -> str:
    handset.call("GET", "instance")
    return handset.proof("GET", PATH, **members)


def refused(scope: dict[str, Any]) -> str:
    with pytest.raises(Problem) as refusal:
        _authenticate(scope)
    return refusal.value.code


def bearer(handset: Handset) -> str:
    return f"Bearer {handset.token}"


def test_a_socket_without_a_token_is_refused(person: Person) -> None:
    assert refused(upgrade()) == "not_authenticated"
    assert refused(upgrade(proof=proof_of(person.handset))) == "not_authenticated"


def test_a_socket_without_a_proof_is_refused(person: Person) -> None:
    assert refused(upgrade(authorization=bearer(person.handset))) == "invalid_dpop_proof"
    spoken = (V1, f"hvx.bearer.{person.handset.token}")
    assert refused(upgrade(subprotocols=spoken)) == "invalid_dpop_proof"


def test_a_header_that_stands_twice_is_refused(person: Person) -> None:
    handset = person.handset
    for name, value, code in (
        (b"dpop", proof_of(handset), "invalid_dpop_proof"),
        (b"dpop", "nonsense", "invalid_dpop_proof"),
        (b"authorization", bearer(handset), "invalid_token"),
        (b"authorization", "nonsense", "invalid_token"),
    ):
        for place in (0, 3):
            scope = upgrade(authorization=bearer(handset), proof=proof_of(handset))
            scope["headers"].insert(place, (name, value.encode()))
            assert refused(scope) == code


def test_a_proof_with_a_fault_is_refused(person: Person) -> None:
    handset = person.handset
    stranger = Person(person.wire).handset
    faults = {
        "invalid_dpop_proof": [
            proof_of(handset, htm="POST"),
            proof_of(handset, htu="http://localhost:8000/ws/other"),
            proof_of(handset, htu="ws://localhost:8000/ws/keyexchange"),
            proof_of(handset, htu="http://localhost/ws/keyexchange"),
            proof_of(stranger),
            "nonsense",
        ],
        "use_dpop_nonce": [proof_of(handset, nonce=None), proof_of(handset, nonce="x")],
    }
    for code, proofs in faults.items():
        for proof in proofs:
            assert refused(upgrade(authorization=bearer(handset), proof=proof)) == code
            spoken = (V1, f"hvx.bearer.{handset.token}", f"hvx.dpop.{proof}")
            assert refused(upgrade(subprotocols=spoken)) == code


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "ü"])
def test_what_is_no_token_is_refused(person: Person, token: str) -> None:
    proof = proof_of(person.handset)
    assert refused(upgrade(subprotocols=(V1, f"hvx.bearer.{token}", f"hvx.dpop.{proof}"))) == "invalid_token"


def test_a_proof_is_taken_once_whether_by_socket_or_by_http(person: Person) -> None:
    handset = person.handset
    proof = proof_of(handset)
    _authenticate(upgrade(authorization=bearer(handset), proof=proof))
    assert refused(upgrade(authorization=bearer(handset), proof=proof)) == "invalid_dpop_proof"
    spoken = (V1, f"hvx.bearer.{handset.token}", f"hvx.dpop.{proof}")
    assert refused(upgrade(subprotocols=spoken)) == "invalid_dpop_proof"


def test_a_revoked_device_gets_no_socket(person: Person) -> None:
    phone = person.certified_handset()
    person.handset.revoke(phone).expect(200)
    assert refused(upgrade(authorization=bearer(phone), proof=proof_of(phone))) == "device_revoked"


def test_an_app_gets_no_socket(person: Person) -> None:
    token = app_token(person)
    scope = upgrade(authorization=f"Bearer {token}", proof=proof_of(person.handset))
    assert refused(scope) == "app_token"


def test_a_bound_token_needs_its_ath(wire: DjangoWire) -> None:
    person = Person(wire)
    person.register(token_type="DPoP").expect(201)
    handset = person.handset
    for shown in (f"DPoP {handset.token}", f"Bearer {handset.token}"):
        assert refused(upgrade(authorization=shown, proof=proof_of(handset))) in (
            "invalid_dpop_proof",
            "invalid_token",
        )
    proof = proof_of(handset, token=handset.token)
    spoken = (V1, f"hvx.bearer.{handset.token}", f"hvx.dpop.{proof}")
    assert _authenticate(upgrade(subprotocols=spoken)).device == handset.hash


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_device_speaks_by_headers_or_by_subprotocols(person: Person, scheme: str) -> None:
    handset = person.handset
    address = f"{scheme}://localhost:8000{PATH}"
    by_headers = upgrade(authorization=bearer(handset), proof=proof_of(handset, htu=address))
    spoken = (V1, f"hvx.bearer.{handset.token}", f"hvx.dpop.{proof_of(handset, htu=address)}")
    for scope in (by_headers, upgrade(subprotocols=spoken)):
        principal = _authenticate(scope)
        assert (principal.device, principal.device_key) == (handset.hash, handset.public)
        assert (principal.account_id, principal.username) == (person.id, person.username)
        assert principal.is_full


def test_a_pending_device_gets_a_socket_and_is_known_as_pending(person: Person) -> None:
    phone = person.new_handset()
    phone.log_in().expect(200)
    principal = _authenticate(upgrade(authorization=bearer(phone), proof=proof_of(phone)))
    assert principal.is_pending
    assert not principal.is_full


def test_a_principal_shows_no_token(person: Person) -> None:
    handset = person.handset
    principal = _authenticate(upgrade(authorization=bearer(handset), proof=proof_of(handset)))
    assert handset.token not in repr(principal)
