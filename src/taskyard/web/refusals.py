"""The errors as named responses of the API's description: one for each status, with its headers and an example."""

from typing import Any

from taskyard.web import kinds, problems
from taskyard.web.kinds import Kind
from taskyard.web.schema import Problem

BY_STATUS: dict[int, Kind] = {
    **kinds.HTTP_KINDS,
    **{kind.status: kind for kind in kinds.KINDS.values()},
    500: kinds.INTERNAL,
}
RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait before trying again.", "schema": {"type": "integer"}}}
CHALLENGE = {"WWW-Authenticate": {"description": "The scheme to use (RFC 6750).", "schema": {"type": "string"}}}
ALLOW = {"Allow": {"description": "The methods this path takes.", "schema": {"type": "string"}}}
HEADERS = {401: CHALLENGE, 405: ALLOW, 429: RETRY_AFTER, 503: RETRY_AFTER}
NOT_MODIFIED = "NotModified"
DETAILS = {
    401: "Send an API key or a token: Authorization: Bearer <key>.",
    403: "These credentials lack the scope `write`.",
    404: "There is no such task.",
    409: "Only a task that waits can be changed; this one is running.",
    412: "It has been changed in the meantime. Get it again and repeat the change.",
    413: "The body is larger than this server accepts.",
    415: "Send the body as JSON, with the header Content-Type: application/json.",
    422: "The request has 2 faults; see errors.",
    429: "Too many attempts. Wait before the next one.",
    500: "The error has been logged under the id in `instance`; nothing of this request was stored.",
    503: "The database is busy. Try again in a moment.",
}
FAULTS = [
    {"detail": "Missing data for required field.", "pointer": "/command"},
    {"detail": "Must be greater than or equal to 1 and less than or equal to 1000.", "pointer": "/max_attempts"},
]
REQUEST_ID = "urn:taskyard:request:019a8d4f-7c1e-7b7a-9d55-2f6d3c1b8e10"


def name(status: int) -> str:
    """What the response of this status is called among the components: `NotFound` for 404."""
    if status == 304:
        return NOT_MODIFIED
    return BY_STATUS[status].slug.title().replace("-", "")


def example(kind: Kind) -> dict[str, Any]:
    """A problem as it is answered."""
    detail = DETAILS.get(kind.status) or problems.HTTP_DETAILS.get(kind.status) or f"{kind.title}."
    shown = {"type": kind.type, "title": kind.title, "status": kind.status, "detail": detail, "instance": REQUEST_ID}
    return shown | {"errors": FAULTS} if kind.status == 422 else shown


def responses() -> dict[str, dict[str, Any]]:
    """All of them by name, as apispec takes them."""
    found: dict[str, dict[str, Any]] = {
        name(status): {
            "description": kind.title,
            "headers": dict(HEADERS.get(status, {})),
            "content": {kinds.MEDIA_TYPE: {"schema": Problem, "example": example(kind)}},
        }
        for status, kind in BY_STATUS.items()
    }
    found[NOT_MODIFIED] = {"description": "It is still the version that If-None-Match names."}
    return found
