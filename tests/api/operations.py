"""The native API's calls as its OpenAPI document lists them, and bodies that fit their schemas."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from tests.people import Handset, Person, b64url

PLACES = {"{username}": "username", "{device}": "device"}


@dataclass(frozen=True)
class Operation:
    """One call. `path` is a template; `fields` are the body's properties, resolved."""

    name: str
    method: str
    path: str
    token: bool
    proof: bool
    takes_body: bool

    def at(self, person: Person) -> str:
        """The call's path for a person: their own name, their own device."""
        return self.path.replace("{username}", person.username).replace("{device}", person.handset.hash)

    @property
    def fields(self) -> dict[str, dict[str, Any]]:
        return properties(body_schema(self.name)) if self.takes_body else {}

    @property
    def body(self) -> dict[str, Any]:
        """A body that fits the schema and that the call refuses for what it says, if for anything."""
        return {name: example(name, schema) for name, schema in self.fields.items()}


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document, as `/api/hvx/v1/schema` serves it."""
    generated: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return generated


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while True:
        if "$ref" in schema:
            schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        elif len(schema.get("allOf", ())) == 1:
            schema = schema["allOf"][0]
        else:
            return schema


def body_schema(name: str) -> dict[str, Any]:
    for path in document()["paths"].values():
        for operation in path.values():
            if operation["operationId"] == name:
                return _resolved(operation["requestBody"]["content"]["application/json"]["schema"])
    raise LookupError(name)


def properties(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: _resolved(inner) for name, inner in _resolved(schema)["properties"].items()}


def example(name: str, schema: dict[str, Any]) -> Any:
    """A value that the schema allows."""
    schema = _resolved(schema)
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("pattern") == "^[A-Za-z0-9_-]{43}$":
        return b64url(bytes(32))
    if schema.get("format") == "uuid":
        return "00000000-0000-4000-8000-000000000000"
    match schema.get("type"):
        case "object":
            return {inner: example(inner, of) for inner, of in properties(schema).items()}
        case "array":
            return []
        case _:
            return "somebody@mail.example" if name == "email" else "somebody"


@cache
def operations() -> list[Operation]:
    """Every call below `/api/hvx/v1/`."""
    found = []
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            if not path.startswith("/api/hvx/v1/"):
                continue
            needs = set().union(*operation.get("security", [{}]))
            found.append(
                Operation(
                    name=operation["operationId"],
                    method=method.upper(),
                    path=path,
                    token="token" in needs,
                    proof="proof" in needs,
                    takes_body="requestBody" in operation,
                )
            )
    return found


def call(handset: Handset, operation: Operation, body: Any = None, **how: Any) -> Any:
    """The call by this device, with token and proof where the document asks for them."""
    return handset.call(operation.method, operation.at(handset.person), body, **how)
