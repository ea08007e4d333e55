"""Telling that tasks have ended: an event in the same transaction, where somebody has subscribed to it."""

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, bindparam, select

from taskyard.core.db import AnyRow
from taskyard.core.types import instant_to_text
from taskyard.events import publish
from taskyard.events.publish import Happened
from taskyard.queue.lifecycle import PRIORITIES
from taskyard.queue.portions import portions
from taskyard.queue.tables import task

MOST_CHARS = 16 * 1024  # of a result or an error: what is longer can be read with the task

# Goes into statements on `task` that run anyway: so settling costs nothing more where nobody listens.
HEARD: ColumnElement[bool] = publish.heard(task.c.owner_id).label("heard")

_ENDED = select(
    task.c.id,
    task.c.owner_id,
    task.c.command,
    task.c.queue,
    task.c.lane,
    task.c.tags,
    task.c.schedule,
    task.c.attempts,
    task.c.outcome,
    task.c.result,
    task.c.error,
    task.c.created_at,
    task.c.finished_at,
).where(task.c.id.in_(bindparam("ids", expanding=True)), task.c.outcome.is_not(None))


def tell(connection: Connection, ids: list[str], now: datetime) -> None:
    """Publish the end of these tasks, as far as somebody has subscribed to it."""
    for portion in portions(ids):
        rows = connection.execute(_ENDED, {"ids": portion}).all()
        happened = [
            Happened(row.owner_id, f"task.{row.outcome}", orjson.dumps(_data(row)).decode(), row.id) for row in rows
        ]
        publish.publish_heard(connection, happened, now)


def _data(row: AnyRow) -> dict[str, Any]:
    return {
        "task_id": row.id,
        "command": row.command,
        "queue": row.queue,
        "priority": PRIORITIES[row.lane],
        "tags": row.tags,
        "schedule": row.schedule,
        "status": row.outcome,
        "attempts": row.attempts,
        "result": _short(row.result),
        "error": _short(row.error),
        "created_at": instant_to_text(row.created_at),
        "finished_at": instant_to_text(row.finished_at),
    }


def _short(text: str | None) -> Any:
    return orjson.Fragment(text) if text is not None and len(text) <= MOST_CHARS else None
