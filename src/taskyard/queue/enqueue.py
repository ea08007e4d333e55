"""New tasks."""

from collections.abc import Set
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection

from taskyard.core.bulk import BulkInsert
from taskyard.queue import policy
from taskyard.queue.gates import Rules
from taskyard.queue.ready import Place, put
from taskyard.queue.tables import task, task_tag


@dataclass(frozen=True, slots=True)
class Link:
    """How a task hangs together with others: those it is to wait for, by id, and its group."""

    after: list[str] = field(default_factory=list)
    on_failure: str | None = None
    group_id: str | None = None


@dataclass(slots=True)  # frozen, it would take twice as long to make
class NewTask:
    """A task as it is accepted; `payload` is JSON text. tasks/moulds.py gives the fields in this order."""

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
    max_crashes: int = policy.MAX_CRASHES
    backoff: dict[str, Any] | None = None
    retry_until: datetime | None = None
    on_lost: str = policy.OnLost.RETRY
    schedule: str | None = None
    unique_key: str | None = None
    limit_key: str | None = None
    fairness_key: str | None = None
    link: Link | None = None

    @property
    def waits(self) -> bool:
        return self.link is not None and bool(self.link.after)


_FIELDS = tuple(name for name in NewTask.__dataclass_fields__ if name != "link")  # each is a column of that name
INSERT_TASKS = BulkInsert(task, *_FIELDS)
row = attrgetter(*_FIELDS)  # of INSERT_TASKS: that of a NewTask
_INSERT_LINKED = BulkInsert(task, *_FIELDS, "after", "on_failure", "blocked", "group_id")
INSERT_TAGS = BulkInsert(task_tag, "tag", "task_id")


def enqueue(connection: Connection, tasks: list[NewTask], now: datetime, rules: Rules | None = None) -> None:
    """Store tasks and let them wait for a worker. Their ids and, within one, their tags differ."""
    insert_tasks(connection, tasks, frozenset())
    put(connection, places_of(tasks), now, rules)


def places_of(tasks: list[NewTask]) -> list[Place]:
    return [Place(t.id, t.queue, t.lane, t.run_at, 0, t.limit_key, t.fairness_key) for t in tasks]


def insert_tasks(connection: Connection, tasks: list[NewTask], blocked: Set[str]) -> None:
    """Store them alone; `blocked` are the ids of those that wait for others."""
    plain = [row(t) for t in tasks if t.link is None]
    if plain:
        INSERT_TASKS.run(connection, plain)
    if len(plain) < len(tasks):
        linked = [
            [
                *row(t),
                t.link.after or None,
                t.link.on_failure,
                t.id in blocked or None,
                t.link.group_id,
            ]
            for t in tasks
            if t.link is not None
        ]
        _INSERT_LINKED.run(connection, linked)
    tags = tag_rows(tasks)
    if tags:
        INSERT_TAGS.run(connection, tags)


def tag_rows(tasks: list[NewTask]) -> list[tuple[str, str]]:
    """Of INSERT_TAGS."""
    return [(tag, t.id) for t in tasks for tag in t.tags]
