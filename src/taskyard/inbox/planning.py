"""From a verified request to what is stored of it: its type, its key, its tasks."""

import hashlib
from dataclasses import replace
from datetime import datetime

from taskyard.core.expressions import Expression, Failed
from taskyard.inbox import extraction, reading, routing
from taskyard.inbox.definitions import Definition
from taskyard.inbox.masking import without_credentials
from taskyard.inbox.received import Received
from taskyard.inbox.routing import Plan
from taskyard.inbox.storing import Arrival, Row
from taskyard.inbox.verdicts import ANSWERED

NOTHING = Plan(ANSWERED, [], [], [])
MOST_TYPE_CHARS = 200
MOST_KEY_CHARS = 255


def arrival(
    definition: Definition, row: Row, received: Received, revision: int, now: datetime, *, closed: bool
) -> Arrival:
    """What is to be stored of a request and of its tasks.

    Raises:
        Moved: the catalogue is not at this revision.
    """
    seen = without_credentials(definition.preset.scheme, received)
    request = reading.document(definition.name, seen, definition.preset.form_field)
    event_type = _event_type(definition, received, request)
    request["type"] = event_type
    if row.verdict == ANSWERED:
        found = replace(row, headers=seen.headers, query=seen.query, event_type=event_type)
        return Arrival(found, NOTHING, revision, 0)
    plan = routing.plan(definition.owner_id, definition.routes, request, revision, now, closed=closed)
    key = _dedupe_key(definition, received, request)
    found = replace(row, headers=seen.headers, query=seen.query, event_type=event_type, dedupe_key=key)
    return Arrival(found, plan, revision, definition.window_s)


def _event_type(definition: Definition, received: Received, request: dict[str, object]) -> str | None:
    if definition.event_type is not None:
        found = _text(definition.event_type, request)
    else:
        found = extraction.event_type(definition.preset, received, request["body"])
    return None if not found else _storable(found)[:MOST_TYPE_CHARS]


def _dedupe_key(definition: Definition, received: Received, request: dict[str, object]) -> str | None:
    if not definition.window_s:
        return None
    if definition.dedupe_key is not None:
        found = _text(definition.dedupe_key, request)
    else:
        found = extraction.dedupe_key(definition.preset, received, request["body"])
    if not found:
        return None
    if len(found) > MOST_KEY_CHARS or _storable(found) != found:  # cut or changed, two might become one
        return "sha256:" + hashlib.sha256(found.encode("utf-8", "surrogatepass")).hexdigest()
    return found


def _text(expression: Expression, request: dict[str, object]) -> str | None:
    """The result where it is a text or a whole number. Else the request has none: that is no reason to lose it."""
    try:
        found = expression.search(request)
    except Failed:
        return None
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return found if isinstance(found, str) else None


def _storable(text: str) -> str:
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
