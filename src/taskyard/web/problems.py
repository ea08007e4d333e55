"""Every error as application/problem+json (RFC 9457): the one table from kinds of error to statuses."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from flask import Flask, Response, has_request_context, request
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from taskyard.core import errors
from taskyard.core.errors import Fault, Invalid, TaskyardError
from taskyard.web import edge

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
MOST_FAULTS = 100  # that are listed
READ_ONLY = "25006"  # PostgreSQL's code for a write on a standby, as after a failover


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
HTTP_DETAILS = {
    404: "Nothing is at this path. /docs lists what there is.",
    405: "This path does not take this method; the Allow header lists those it takes.",
    413: "The body is larger than this server accepts.",
}


def body(kind: Kind, detail: str, faults: list[Fault] | None = None) -> bytes:
    """The JSON of a problem; `instance` is the request's id, which the logs carry too."""
    problem: dict[str, Any] = {"type": kind.type, "title": kind.title, "status": kind.status, "detail": detail}
    if faults:
        problem["errors"] = [fault.to_dict() for fault in faults[:MOST_FAULTS]]
    if has_request_context():
        problem["instance"] = f"urn:taskyard:request:{request.environ[edge.ID]}"
    return orjson.dumps(problem)


def from_error(error: TaskyardError) -> Response:
    kind = KINDS[type(error)]
    faults = error.faults if isinstance(error, Invalid) else None
    response = Response(body(kind, error.detail, faults), kind.status, content_type=MEDIA_TYPE)
    if error.retry_after_s is not None:
        response.headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, errors.Unauthenticated):
        response.headers["WWW-Authenticate"] = 'Bearer realm="taskyard"'
    return response


def from_http(error: HTTPException) -> Response:
    """Flask's and werkzeug's own refusals, with the headers they need (Allow, Retry-After …)."""
    status = error.code or 500
    if status < 400:
        return Response(status=status, headers=[h for h in error.get_headers() if h[0] != "Content-Type"])
    kind = HTTP_KINDS.get(status, Kind("http", status, error.name))
    detail = HTTP_DETAILS.get(status) or (error.description or error.name)
    response = Response(body(kind, detail), status, content_type=MEDIA_TYPE)
    for name, value in error.get_headers():
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def from_database(error: DBAPIError | PoolTimeout) -> Response:
    """A database that is away, full or overloaded is 503; any other fault of it is ours."""
    away = isinstance(error, PoolTimeout | OperationalError | InterfaceError)
    if away or getattr(getattr(error, "orig", None), "sqlstate", None) == READ_ONLY:
        log.error("database unavailable: %s", error)
        return from_error(errors.Unavailable("The database cannot be reached now. Try again.", retry_after_s=2))
    return from_exception(error)


def from_exception(error: Exception) -> Response:
    log.exception("unhandled error", exc_info=error)
    detail = "The error has been logged under the id in `instance`; nothing of this request was stored."
    return Response(body(INTERNAL, detail), 500, content_type=MEDIA_TYPE)


def from_stale(_error: StaleDataError) -> Response:
    """Two changed one row at once; the version column let the first one through."""
    return from_error(errors.Conflict("It was changed at the same moment by somebody else. Read it, then try again."))


HANDLERS: dict[type[Exception], Callable[[Any], Response]] = {
    TaskyardError: from_error,
    HTTPException: from_http,
    DBAPIError: from_database,
    PoolTimeout: from_database,
    StaleDataError: from_stale,
    Exception: from_exception,
}


def answer(error: Exception) -> Response:
    """The problem that any error is answered with."""
    return next(handler for kind, handler in HANDLERS.items() if isinstance(error, kind))(error)


def register(app: Flask) -> None:
    for kind, handler in HANDLERS.items():
        app.register_error_handler(kind, handler)
