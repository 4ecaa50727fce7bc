"""HTTP Message Signatures (RFC 9421): what a message's signatures are, and whether one holds."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from http_sf.types import ParamsType

from activitypub.protocol.signatures import algorithms
from activitypub.protocol.signatures.algorithms import Algorithm
from activitypub.protocol.signatures.components import FIELD_KINDS, Message, signature_base
from activitypub.protocol.signatures.keys import PrivateKey, PublicKey
from activitypub.protocol.signatures.messages import SignedRequest, combined
from activitypub.protocol.signatures.reasons import Reason, SignatureError
from activitypub.protocol.signatures.structured_fields import Item, parse_dictionary, serialized_member

MAX_SIGNATURES = 8


@dataclass(frozen=True, slots=True)
class MessageSignature:
    """One member of Signature-Input and its signature."""

    label: str
    components: tuple[Item, ...]
    parameters: Mapping[str, object]
    serialized_parameters: str
    signature: bytes

    @property
    def key_id(self) -> str | None:
        """The `keyid` parameter. Raises SignatureError (signature_malformed)."""
        return self._text("keyid")

    @property
    def algorithm(self) -> str | None:
        """The `alg` parameter. Raises SignatureError (signature_malformed)."""
        return self._text("alg")

    @property
    def created(self) -> int | None:
        """The `created` parameter, Unix seconds. Raises SignatureError (signature_malformed)."""
        return self._seconds("created")

    @property
    def expires(self) -> int | None:
        """The `expires` parameter, Unix seconds. Raises SignatureError (signature_malformed)."""
        return self._seconds("expires")

    def covers(self, name: str) -> bool:
        """Whether a component is signed as it is, without parameters that make less of it."""
        return (name, {}) in self.components

    def base(self, message: Message, kinds: Mapping[str, str] = FIELD_KINDS) -> bytes:
        """The bytes that are signed. Raises SignatureError."""
        return signature_base(message, self.components, self.serialized_parameters, kinds)

    def _text(self, name: str) -> str | None:
        value = self.parameters.get(name)
        if value is not None and type(value) is not str:
            raise SignatureError(Reason.SIGNATURE_MALFORMED)
        return value

    def _seconds(self, name: str) -> int | None:
        value = self.parameters.get(name)
        if value is not None and type(value) is not int:
            raise SignatureError(Reason.SIGNATURE_MALFORMED)
        return value


def parse(message: Message) -> tuple[MessageSignature, ...]:
    """All signatures of a message, each with its input.

    Raises SignatureError (field_missing, signature_malformed, too_large): also where Signature-Input and
    Signature do not name the same signatures.
    """
    inputs = parse_dictionary(combined(message.fields, "signature-input"), reason=Reason.SIGNATURE_MALFORMED)
    signatures = parse_dictionary(combined(message.fields, "signature"), reason=Reason.SIGNATURE_MALFORMED)
    if inputs.keys() != signatures.keys() or not inputs:
        raise SignatureError(Reason.SIGNATURE_MALFORMED)
    if len(inputs) > MAX_SIGNATURES:
        raise SignatureError(Reason.TOO_LARGE)
    found = []
    for label, member in inputs.items():
        signature = signatures[label][0]
        if not isinstance(member[0], list) or not isinstance(signature, bytes):
            raise SignatureError(Reason.SIGNATURE_MALFORMED)
        components, parameters = member
        found.append(
            MessageSignature(label, tuple(components), parameters, serialized_member(member), signature)
        )
    return tuple(found)


def algorithm_for(name: str | None, key: PublicKey | bytes) -> Algorithm:
    """How a signature whose `alg` is `name` was made; the key says it where `alg` is missing (§3.2).

    Raises SignatureError (algorithm_unsupported).
    """
    if name is None:
        return Algorithm.HMAC_SHA256 if isinstance(key, bytes) else algorithms.algorithm_of(key)
    try:
        return Algorithm(name)
    except ValueError:
        raise SignatureError(Reason.ALGORITHM_UNSUPPORTED) from None


def verify(
    message: Message,
    signature: MessageSignature,
    key: PublicKey | bytes,
    algorithm: Algorithm | None = None,
) -> None:
    """Returns where the signature holds over the message as it came, whatever it covers and however old.

    `algorithm` is what is known of the key apart from the message; `alg` may not say otherwise. What an
    inbox accepts is narrower: `policy.py`. Raises SignatureError.
    """
    claimed = signature.algorithm
    if algorithm is None:
        algorithm = algorithm_for(claimed, key)
    elif claimed is not None and claimed != algorithm:
        raise SignatureError(Reason.ALGORITHM_MISMATCH)
    algorithms.verify(algorithm, key, signature.signature, signature.base(message))


def sign(
    request: SignedRequest,
    key: PrivateKey,
    key_id: str,
    components: Sequence[str],
    *,
    created: int,
    label: str = "sig1",
) -> tuple[str, str]:
    """The values of Signature-Input and Signature over `components`, which the request has.

    `alg` is left out: the key says it, and a verifier that goes by it goes by the sender's word. Raises
    SignatureError.
    """
    covered: list[Item] = [(name, {}) for name in components]
    named: ParamsType = {"created": created, "keyid": key_id}
    parameters = serialized_member((covered, named))
    base = signature_base(request, covered, parameters)
    signature = algorithms.sign(algorithms.algorithm_of(key), key, base)
    return f"{label}={parameters}", f"{label}=:{b64encode(signature).decode()}:"
