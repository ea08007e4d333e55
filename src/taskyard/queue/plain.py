"""Plain tasks: those that wait for nothing but a worker. They are stored without looking at each."""

from collections.abc import Sequence, Set
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from taskyard.queue import gates
from taskyard.queue.enqueue import INSERT_TAGS, INSERT_TASKS, NewTask, row, tag_rows
from taskyard.queue.ready import INSERT_READY, next_seqs

INSERTS = (INSERT_TASKS, INSERT_READY, INSERT_TAGS)
# A condition with one parameter, an array of the queues: they take new tasks, and none charges its fairness keys.
ADMITTED = """NOT EXISTS (
    SELECT FROM queue WHERE queue.name = ANY (CAST(%s AS text[])) AND (queue.closed_at IS NOT NULL OR queue.fair)
)"""


def admitted(connection: Connection, queues: Set[str]) -> bool:
    """The same, asked of SQLite."""
    rules = gates.rules(connection)
    return queues.isdisjoint(rules.closed | rules.weights.keys())


def is_plain(new: NewTask, now: datetime) -> bool:
    return new.run_at <= now and new.link is None and new.fairness_key is None and new.unique_key is None


def stored_as(tasks: list[NewTask], now: datetime) -> list[Sequence[Sequence[Any]]]:
    """The rows of plain tasks, of each of INSERTS."""
    line = [
        (t.id, t.queue, t.lane, 0, seq, 0, t.limit_key, t.fairness_key)
        for t, seq in zip(tasks, next_seqs(now, len(tasks)), strict=True)
    ]
    return [[row(t) for t in tasks], line, tag_rows(tasks)]
