"""What the OpenAPI document says beyond the views: proofs, problem documents, a summary of each call."""

import re
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

BEARER = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "An access token (RFC 9068). One that is bound to its device goes with `DPoP` "
    "in place of `Bearer`, and with a proof that has its `ath`.",
}
DPOP = {
    "type": "apiKey",
    "in": "header",
    "name": "DPoP",
    "description": "A proof that the device key is held (RFC 9449): a JWT of `typ: dpop+jwt` with "
    "`htm`, `htu`, `iat`, `jti`, and the `nonce` that the last answer brought in `DPoP-Nonce`.",
}


class Token(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "devices.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return BEARER


class Proof(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "devices.authentication.ProofAuthentication"
    name = "proof"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return DPOP


class ProvenToken(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "devices.authentication.ProvenTokenAuthentication"
    # Both at once, by the names that the two above define.
    name: list[str] = []

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        return []

    def get_security_requirement(self, auto_schema: AutoSchema) -> dict[str, list[Any]]:
        return {"token": [], "proof": []}


PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem document.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {
            "type": "string",
            "pattern": "^[a-z0-9_]+$",
            "description": "Stable word for programs; docs/errors.md lists every one.",
        },
        "errors": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
    "example": {
        "type": "about:blank",
        "title": "The challenge is spent, expired or another's",
        "status": 422,
        "detail": "The challenge is spent, expired or another's",
        "code": "challenge_invalid",
    },
}


# The bodies of calls by DELETE, which the generator passes over: by operation, the schema's name.
BODIES_OF_DELETE = {"me_erase": "PasswordAgainRequest"}


def describe_bodies(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add the bodies that calls by DELETE take."""
    for path in result.get("paths", {}).values():
        operation = path.get("delete", {})
        if schema := BODIES_OF_DELETE.get(operation.get("operationId")):
            content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
            operation["requestBody"] = {"content": content, "required": True}
    return result


def describe_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add the Problem schema, and a default answer of its shape to every operation."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    answer = {
        "description": "A refusal.",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for path in result.get("paths", {}).values():
        for operation in path.values():
            if isinstance(operation, dict) and "responses" in operation:
                operation["responses"].setdefault("default", answer)
    return result


def summarise(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """The first sentence of an operation's description is its summary too, for lists of calls."""
    for path in result.get("paths", {}).values():
        for operation in path.values():
            if isinstance(operation, dict) and "description" in operation:
                text = " ".join(operation["description"].split())
                operation.setdefault("summary", re.split(r"(?<=\.) ", text, maxsplit=1)[0].rstrip("."))
    return result
