"""A request as expressions see it: {source, type, method, path, query, headers, body}.

Read only once the request has been verified, and leniently: what cannot be read as JSON is seen as something else, not
refused, as it was its sender's choice and nobody would mend it.
"""

import json
from typing import Any

import orjson

from taskyard.core.json import long_number
from taskyard.inbox.received import Received, parameters


def document(source: str, received: Received, form_field: str) -> dict[str, Any]:
    """What a filter and an expression of a route work on; `type` is to be filled in. Header names are in small letters;
    of a header or parameter sent twice the values are joined, as HTTP says."""
    return {
        "source": source,
        "type": None,
        "method": received.method,
        "path": received.path,
        "query": _joined(parameters(received.query)),
        "headers": _joined(received.headers),
        "body": body(received, form_field),
    }


def _joined(pairs: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def body(received: Received, form_field: str = "") -> Any:
    """The body as JSON; of a form its fields, or the JSON in the field named; else as text; else null."""
    if received.content_type == "application/x-www-form-urlencoded":
        fields = dict(parameters(received.body.decode("latin-1")))
        value = parsed(fields[form_field].encode("utf-8", "replace")) if form_field in fields else None
        return fields if value is None else value
    value = parsed(received.body)
    return text(received.body) if value is None else value


def parsed(raw: bytes) -> Any:
    """The value of a JSON text with every digit of its integers; None where it is none."""
    try:
        return json.loads(raw) if long_number(raw) else orjson.loads(raw)
    except (ValueError, RecursionError):
        return None


def text(raw: bytes) -> str | None:
    """The body as text, or None where it is empty or no UTF-8."""
    try:
        return raw.decode() or None
    except UnicodeDecodeError:
        return None
