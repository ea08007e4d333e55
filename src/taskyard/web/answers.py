"""Answers whose body is there: JSON, or none."""

from collections.abc import Callable, Iterable
from typing import Any

import orjson
from flask import Response

from taskyard.core.idempotency import Answer

MEDIA_TYPE = "application/json"


class Whole(Response):
    """An answer whose body is there, whole: what werkzeug works out for streams, files and redirects is left out.

    Without a body it says nothing of one.
    """

    default_mimetype = None

    def __init__(self, body: bytes | None, status: int, headers: dict[str, str] | None = None) -> None:
        sized = [] if body is None else [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(body)))]
        super().__init__([] if body is None else [body], status, [*sized, *(headers or {}).items()])

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response(self.status, self.headers.to_wsgi_list())
        return [] if environ["REQUEST_METHOD"] == "HEAD" else self.response  # type: ignore[return-value]  # [body]


def ready(answer: Answer) -> Response:
    """An answer that was made before its transaction was committed."""
    return Whole(answer.body, answer.status, answer.headers)


def json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Whole(orjson.dumps(value), status, headers)


def nothing(headers: dict[str, str] | None = None) -> Response:
    """204."""
    return Whole(None, 204, headers)
