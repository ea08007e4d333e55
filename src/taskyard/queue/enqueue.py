"""New tasks."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from taskyard.queue import policy
from taskyard.queue.ready import Place, put
from taskyard.queue.tables import task, task_tag

_INSERT_TASK = insert(task)
_INSERT_TAG = insert(task_tag)


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task as it is accepted; `payload` is JSON text."""

    id: str
    owner_id: str
    command: str
    payload: str
    queue: str
    lane: int
    created_at: datetime
    run_at: datetime
    command_version: int | None = None
    tags: list[str] = field(default_factory=list)
    expires_at: datetime | None = None
    timeout_s: int = policy.DEFAULT_TIMEOUT_S
    max_attempts: int = policy.DEFAULT_MAX_ATTEMPTS
    backoff: dict[str, Any] | None = None
    on_lost: str = policy.OnLost.RETRY


def enqueue(connection: Connection, tasks: list[NewTask]) -> None:
    """Store tasks that were accepted at one moment, and let them wait for a worker."""
    connection.execute(
        _INSERT_TASK,
        [
            {
                "id": t.id,
                "owner_id": t.owner_id,
                "command": t.command,
                "command_version": t.command_version,
                "queue": t.queue,
                "lane": t.lane,
                "payload": t.payload,
                "tags": t.tags,
                "created_at": t.created_at,
                "run_at": t.run_at,
                "expires_at": t.expires_at,
                "timeout_s": t.timeout_s,
                "max_attempts": t.max_attempts,
                "backoff": t.backoff,
                "on_lost": t.on_lost,
            }
            for t in tasks
        ],
    )
    tags = [{"tag": tag, "task_id": t.id} for t in tasks for tag in t.tags]
    if tags:
        connection.execute(_INSERT_TAG, tags)
    put(connection, [Place(t.id, t.queue, t.lane, t.run_at, 0) for t in tasks], tasks[0].created_at)
