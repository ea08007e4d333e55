"""Every error as application/problem+json (RFC 9457): the one table from kinds of error to statuses."""

import logging
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, has_request_context, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from taskyard.core import driver_errors, errors
from taskyard.core.errors import Fault, Invalid, TaskyardError
from taskyard.web import edge, kinds
from taskyard.web.kinds import HTTP_KINDS, INTERNAL, KINDS, MEDIA_TYPE, Kind

log = logging.getLogger(__name__)
HTTP_DETAILS = {
    404: "Nothing is at this path. /docs lists what there is.",
    405: "This path does not take this method; the Allow header lists those it takes.",
    413: "The body is larger than this path takes. Send less at a time: many tasks, say, in several batches.",
}


def body(kind: Kind, detail: str, faults: list[Fault] | None = None) -> bytes:
    return kinds.body(kind, detail, faults, request.environ[edge.ID] if has_request_context() else None)


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
    if driver_errors.passes(error):
        log.error("database unavailable: %s", error)
        return from_error(errors.Unavailable(f"{driver_errors.reason(error)} Try again.", retry_after_s=2))
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
