"""The signature base of RFC 9421 §2: what each covered component of a message is."""

from collections.abc import Callable, Mapping, Sequence
from typing import cast
from urllib.parse import parse_qsl, quote

from http_sf.retrofit import retrofit

from activitypub.protocol.signatures.messages import (
    Fields,
    SignedRequest,
    SignedResponse,
    canonical_fields,
    combined,
    normal_authority,
)
from activitypub.protocol.signatures.reasons import Reason, SignatureError
from activitypub.protocol.signatures.structured_fields import (
    Item,
    parse,
    parse_dictionary,
    serialized,
    serialized_member,
)

Message = SignedRequest | SignedResponse

MAX_COMPONENTS = 32
MAX_QUERY_PARAMETERS = 100

# What kind of structured field a field is, for `sf`. Those that the library does not list are added.
FIELD_KINDS: Mapping[str, str] = {
    **retrofit,
    "content-digest": "dictionary",
    "repr-digest": "dictionary",
    "want-content-digest": "dictionary",
    "want-repr-digest": "dictionary",
    "signature": "dictionary",
    "signature-input": "dictionary",
    "accept-signature": "dictionary",
}

_FIELD_PARAMETERS = frozenset({"sf", "key", "bs", "tr", "req"})


def signature_base(
    message: Message, components: Sequence[Item], parameters: str, kinds: Mapping[str, str] = FIELD_KINDS
) -> bytes:
    """The bytes that are signed (§2.5). `parameters` is what follows `"@signature-params": `.

    Raises SignatureError (component_unsupported, field_missing, field_malformed, signature_malformed,
    too_large).
    """
    if len(components) > MAX_COMPONENTS:
        raise SignatureError(Reason.TOO_LARGE)
    lines: dict[str, str] = {}
    for component in components:
        name, flags = component
        if not isinstance(name, str):
            raise SignatureError(Reason.SIGNATURE_MALFORMED)
        identifier = serialized(component) if flags else f'"{name}"'
        if identifier in lines:
            raise SignatureError(Reason.SIGNATURE_MALFORMED)
        lines[identifier] = _value(message, name, flags, kinds)
    text = "\n".join([*(f"{identifier}: {value}" for identifier, value in lines.items()), ""])
    text += f'"@signature-params": {parameters}'
    if text.count("\n") != len(lines):
        raise SignatureError(Reason.FIELD_MALFORMED)
    try:
        return text.encode("ascii")
    except UnicodeEncodeError:
        raise SignatureError(Reason.FIELD_MALFORMED) from None


def _value(message: Message, name: str, flags: Mapping[str, object], kinds: Mapping[str, str]) -> str:
    if flags.get("req") is True:
        # `req` is for a response that is bound to its request. A request has none to be bound to.
        if isinstance(message, SignedRequest):
            raise SignatureError(Reason.COMPONENT_UNSUPPORTED)
        message = message.request
        flags = {flag: value for flag, value in flags.items() if flag != "req"}
    if name.startswith("@"):
        return _derived(message, name, flags)
    if not flags:
        return combined(message.fields, name)
    return _field(message, name, flags, kinds)


def _derived(message: Message, name: str, flags: Mapping[str, object]) -> str:
    if name == "@status" and not flags and isinstance(message, SignedResponse):
        return str(message.status)
    if isinstance(message, SignedRequest):
        if name == "@query-param" and flags.keys() == {"name"}:
            return _query_parameter(message.target, flags["name"])
        if name in _DERIVED and not flags:
            return _DERIVED[name](message)
    raise SignatureError(Reason.COMPONENT_UNSUPPORTED)


def target_uri(request: SignedRequest) -> str:
    """`@target-uri` (§2.2.2): the whole address."""
    if request.target.startswith(("http://", "https://")):
        return request.target
    return f"{request.scheme}://{normal_authority(request.authority, request.scheme)}{request.target}"


def _origin_form(request: SignedRequest) -> str:
    """Path and query of the target, which an absolute one has behind its authority."""
    target = request.target
    if target.startswith(("http://", "https://")):
        _, slash, rest = target.partition("://")[2].partition("/")
        return slash + rest
    return target


def _path(request: SignedRequest) -> str:
    return _origin_form(request).partition("?")[0] or "/"


def _query(request: SignedRequest) -> str:
    return "?" + _origin_form(request).partition("?")[2]


_DERIVED: Mapping[str, Callable[[SignedRequest], str]] = {
    "@method": lambda request: request.method,
    "@target-uri": target_uri,
    "@authority": lambda request: normal_authority(request.authority, request.scheme),
    "@scheme": lambda request: request.scheme,
    "@request-target": lambda request: request.target,
    "@path": _path,
    "@query": _query,
}


def _query_parameter(target: str, name: object) -> str:
    """The one value of a query parameter, encoded anew (§2.2.8)."""
    try:
        pairs = parse_qsl(
            target.partition("?")[2],
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=MAX_QUERY_PARAMETERS,
        )
    except ValueError:
        raise SignatureError(Reason.FIELD_MALFORMED) from None
    values = [value for key, value in pairs if _form_encoded(key) == name]
    if len(values) != 1:
        # A name that comes twice may not be covered: which of the two was meant?
        raise SignatureError(Reason.FIELD_MALFORMED if values else Reason.FIELD_MISSING)
    return _form_encoded(values[0])


def _form_encoded(text: str) -> str:
    """Percent-encoded by the set of application/x-www-form-urlencoded, a space as %20."""
    return quote(text, safe="*").replace("~", "%7E")


def _field(message: Message, name: str, flags: Mapping[str, object], kinds: Mapping[str, str]) -> str:
    """A field with parameters (§2.1.1 to §2.1.4)."""
    if not flags.keys() <= _FIELD_PARAMETERS or any(
        value is not True for flag, value in flags.items() if flag != "key"
    ):
        raise SignatureError(Reason.COMPONENT_UNSUPPORTED)
    fields: Fields = canonical_fields(message.trailers) if "tr" in flags else message.fields
    text = combined(fields, name)
    if "bs" in flags:
        if "sf" in flags or "key" in flags:
            raise SignatureError(Reason.COMPONENT_UNSUPPORTED)
        try:
            return ", ".join(serialized(line.encode("latin-1")) for line in fields[name])
        except UnicodeEncodeError:
            raise SignatureError(Reason.FIELD_MALFORMED) from None
    if "key" in flags:
        member = parse_dictionary(text).get(cast(str, flags["key"]))
        if member is None:
            raise SignatureError(Reason.FIELD_MISSING)
        return serialized_member(member)
    if "sf" in flags:
        if name not in kinds:
            raise SignatureError(Reason.COMPONENT_UNSUPPORTED)
        return serialized(parse(text, kinds[name]))
    return text
