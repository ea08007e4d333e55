"""Answers that are JSON already."""

from collections.abc import Callable, Iterable
from typing import Any

import orjson
from flask import Response

from taskyard.core.idempotency import Answer

MEDIA_TYPE = "application/json"


class Whole(Response):
    """An answer whose body is there, whole: what werkzeug works out for streams, files and redirects is left out."""

    def __init__(self, body: bytes, status: int, headers: dict[str, str] | None = None) -> None:
        sized = [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(body))), *(headers or {}).items()]
        super().__init__([body], status, sized)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response(self.status, self.headers.to_wsgi_list())
        return [] if environ["REQUEST_METHOD"] == "HEAD" else self.response  # type: ignore[return-value]  # [body]


def ready(answer: Answer) -> Response:
    """An answer that was made before its transaction was committed."""
    return Whole(answer.body, answer.status, answer.headers)


def json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Whole(orjson.dumps(value), status, headers)
