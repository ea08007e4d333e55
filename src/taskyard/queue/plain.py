"""Plain tasks: those that wait for nothing but a worker. On PostgreSQL one statement stores them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from taskyard.queue.enqueue import INSERT_TAGS, INSERT_TASKS, NewTask, places_of, row, tag_rows
from taskyard.queue.ready import INSERT_READY, rows

INSERTS = (INSERT_TASKS, INSERT_READY, INSERT_TAGS)
# A condition with one parameter, an array of the queues: they take new tasks, and none charges its fairness keys.
ADMITTED = """NOT EXISTS (
    SELECT FROM queue WHERE queue.name = ANY (CAST(%s AS text[])) AND (queue.closed_at IS NOT NULL OR queue.fair)
)"""


def is_plain(new: NewTask, now: datetime) -> bool:
    return new.run_at <= now and new.link is None and new.fairness_key is None and new.unique_key is None


def stored_as(tasks: list[NewTask], now: datetime) -> list[Sequence[Sequence[Any]]]:
    """The rows of plain tasks, of each of INSERTS."""
    return [[row(t) for t in tasks], rows(places_of(tasks), [0] * len(tasks), now), tag_rows(tasks)]
