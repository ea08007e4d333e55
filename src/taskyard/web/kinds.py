"""The kinds of problem there are (RFC 9457), and how one is written.

Apart from problems.py because gunicorn's master needs them too: what it imports must not bring in the database driver,
which looks once, when it is imported, whether gevent is in charge.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from taskyard.core import errors
from taskyard.core.errors import Fault, TaskyardError

MEDIA_TYPE = "application/problem+json"
MOST_FAULTS = 100  # that are listed


@dataclass(frozen=True, slots=True)
class Kind:
    """A stable kind of problem; docs/errors.md explains each by its slug."""

    slug: str
    status: int
    title: str

    @property
    def type(self) -> str:
        return f"urn:taskyard:problem:{self.slug}"


KINDS: dict[type[TaskyardError], Kind] = {
    errors.Invalid: Kind("invalid", 422, "The input is invalid"),
    errors.Unauthenticated: Kind("unauthenticated", 401, "Credentials are missing or do not hold"),
    errors.Forbidden: Kind("forbidden", 403, "Not allowed"),
    errors.NotFound: Kind("not-found", 404, "Not found"),
    errors.Conflict: Kind("conflict", 409, "The present state does not allow it"),
    errors.Stale: Kind("stale", 412, "If-Match is stale"),
    errors.TooLarge: Kind("too-large", 413, "The body is too large"),
    errors.UnsupportedType: Kind("unsupported-type", 415, "The Content-Type is not supported"),
    errors.Limited: Kind("limited", 429, "Too many requests"),
    errors.Unavailable: Kind("unavailable", 503, "Temporarily unavailable"),
}
INTERNAL = Kind("internal", 500, "Something went wrong here")
# What HTTP itself refuses, before any code of ours is asked.
HTTP_KINDS = {
    400: Kind("bad-request", 400, "Not a valid HTTP request"),
    404: KINDS[errors.NotFound],
    405: Kind("method-not-allowed", 405, "The method is not allowed here"),
    408: Kind("request-timeout", 408, "The request took too long to arrive"),
    413: KINDS[errors.TooLarge],
    414: Kind("uri-too-long", 414, "The URI is too long"),
    415: KINDS[errors.UnsupportedType],
    417: Kind("expectation-failed", 417, "The Expect header cannot be met"),
    431: Kind("headers-too-large", 431, "The header fields are too large"),
    501: Kind("not-implemented", 501, "Not implemented"),
}


def body(kind: Kind, detail: str, faults: list[Fault] | None = None, request_id: str | None = None) -> bytes:
    """The JSON of a problem; `instance` is the request's id, which the logs carry too."""
    problem: dict[str, Any] = {"type": kind.type, "title": kind.title, "status": kind.status, "detail": detail}
    if faults:
        problem["errors"] = [fault.to_dict() for fault in faults[:MOST_FAULTS]]
    if request_id is not None:
        problem["instance"] = f"urn:taskyard:request:{request_id}"
    return orjson.dumps(problem)
