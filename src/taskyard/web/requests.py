"""What happens around every request: its id, its transaction, its log line, its headers."""

import re
import time
from typing import Any

import structlog
from flask import Flask, Response, g, request

from taskyard.core import transaction
from taskyard.core.idempotency import Repeated
from taskyard.core.ids import new_id
from taskyard.web import idempotency, problems

ACCEPTED_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
access = structlog.get_logger("taskyard.access").bind()  # bound once: binding per request costs more than the line


def register(app: Flask, *, access_log: bool) -> None:
    """Call before the other hooks are registered: Flask runs `after_request` functions last to first."""

    @app.before_request
    def begin() -> None:
        g.started_at = time.perf_counter()
        given = request.environ.get("HTTP_X_REQUEST_ID", "")
        g.request_id = given if ACCEPTED_ID.fullmatch(given) else new_id()

    @app.after_request
    def finish(response: Response) -> Response:
        response = _settle(response)
        headers = response.headers
        headers["X-Request-ID"] = g.request_id
        for name, value in SECURITY_HEADERS.items():
            if name not in headers:
                headers[name] = value
        if access_log:
            _log(response)
        return response

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        transaction.rollback_request()  # whatever a broken request left open


def _settle(response: Response) -> Response:
    """Commit or roll back, once: an error here becomes the answer instead of running the hooks again."""
    if response.status_code >= 400:
        transaction.rollback_request()
        return idempotency.replay_if_done() or response
    try:
        idempotency.keep(response)
        transaction.commit_request()
    except Exception as error:  # whatever it is: Flask would answer it by running these hooks once more
        transaction.rollback_request()
        return _instead(error)
    return response


def _instead(error: Exception) -> Response:
    """What to answer when the commit has failed."""
    try:
        if isinstance(error, Repeated):
            return idempotency.first_answer()
    except Exception as another:
        error = another
    return problems.answer(error)


def _log(response: Response) -> None:
    fields: dict[str, Any] = {
        "method": request.method,
        "path": request.path,
        "status": response.status_code,
        "ms": round((time.perf_counter() - g.started_at) * 1000, 1),
        "request_id": g.request_id,
    }
    access.info("request", **fields)
