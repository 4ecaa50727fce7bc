"""What every answer has in common, with nothing of Django's: the sealed server answers with it too."""

from typing import Any

from audit.errors import Problem

# The API is used with tokens that a page must hold itself; there is no cookie that a foreign page
# could borrow. So any origin may call it, and a web client may be served from anywhere.
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "DPoP-Nonce, Location, Retry-After, Link, X-Request-Id",
}
PREFLIGHT = {
    **CORS,
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, DPoP, Idempotency-Key",
    "Access-Control-Max-Age": "86400",
}
# What stands below is no API: it has a cookie, and no page of another origin may call it.
ADMINISTRATION = "/admin/"
SAFETY = {
    # For answers that are no page; the pages of hvx.docs bring a policy of their own.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}

CONTENT_TYPE = "application/problem+json"
TYPE = "about:blank"


def document(problem: Problem) -> dict[str, Any]:
    """The problem as its JSON members (RFC 9457)."""
    members: dict[str, Any] = {
        "type": TYPE,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail or problem.title,
        "code": problem.code,
    }
    if reason := getattr(problem, "reason", ""):
        members["reason"] = reason
    if problem.errors:
        members["errors"] = problem.errors
    return members
