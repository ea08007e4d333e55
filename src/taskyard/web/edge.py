"""Around the app, at WSGI: the request's id, the headers every answer carries, the access log; and the waits.

Here rather than in Flask's hooks, as a list of tuples is extended at a fraction of what werkzeug's headers cost.
"""

import re
import time
from collections.abc import Callable, Iterable
from typing import Any

import structlog

from taskyard.core.ids import new_id
from taskyard.web import later

ACCEPTED_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")
ID = "taskyard.request_id"  # where it stands in the environ
HEADERS = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
]
# Unless the answer has its own: pages and static files do.
DEFAULTS = [
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
]

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Edge:
    """The outermost layer of the app, by its method: what waits would keep the C stack that calling an object takes."""

    def __init__(self, inner: Wsgi, *, access_log: bool) -> None:
        self._inner = inner
        # Bound once, and after the logs are configured: binding per request costs more than the line.
        self._log = structlog.get_logger("taskyard.access").bind() if access_log else None

    def answer(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        given = environ.get("HTTP_X_REQUEST_ID")
        request_id = given if given and ACCEPTED_ID.fullmatch(given) else new_id()
        environ[ID] = request_id
        began = time.perf_counter()
        answered = ""

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            nonlocal answered
            answered = status
            present = {name for name, _ in headers}
            headers = [*headers, ("X-Request-ID", request_id), *HEADERS]
            headers += [default for default in DEFAULTS if default[0] not in present]
            return start_response(status, headers, *exc_info)

        pieces = self._inner(environ, start)
        while later.rested(environ):
            pieces = self._inner(environ, start)
        if self._log is not None:
            ms = round((time.perf_counter() - began) * 1000, 1)
            method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
            self._log.info("request", method=method, path=path, status=int(answered[:3]), ms=ms, request_id=request_id)
        return pieces
