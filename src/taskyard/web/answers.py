"""Answers that are JSON already."""

from typing import Any

import orjson
from flask import Response

from taskyard.core.idempotency import Answer

MEDIA_TYPE = "application/json"


def ready(answer: Answer) -> Response:
    """An answer that was made before its transaction was committed."""
    return Response(answer.body, answer.status, answer.headers, content_type=MEDIA_TYPE)


def json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(value), status, headers, content_type=MEDIA_TYPE)
