"""What stands between a queue and its workers: queues that are paused or closed, workers that are draining."""

from dataclasses import dataclass

from sqlalchemy import Connection, literal_column, select, union_all

from taskyard.core.errors import Conflict
from taskyard.core.types import Id
from taskyard.queue.tables import queue, worker

_CLOSED = select(queue.c.name).where(queue.c.closed_at.is_not(None))
_NOBODY = literal_column("NULL", Id).label("holder_id")
# One query for both, as it is asked with every batch of claims; most often there is neither.
_SHUT = union_all(
    select(queue.c.name, _NOBODY).where(queue.c.paused_at.is_not(None)),
    select(worker.c.name, worker.c.holder_id).where(worker.c.drain_at.is_not(None)),
)


@dataclass(frozen=True, slots=True)
class Shut:
    """The queues that are paused, and the workers (holder, name) that are to get nothing."""

    paused: frozenset[str]
    draining: frozenset[tuple[str, str]]

    def less(self, holder_id: str, name: str, queues: list[str]) -> list[str]:
        """Those of the queues from which this worker may take."""
        if (holder_id, name) in self.draining:
            return []
        return [one for one in queues if one not in self.paused]


def shut(connection: Connection) -> Shut:
    rows = connection.execute(_SHUT).all()
    return Shut(
        frozenset(row.name for row in rows if row.holder_id is None),
        frozenset((row.holder_id, row.name) for row in rows if row.holder_id is not None),
    )


def refusal(name: str) -> Conflict:
    """What a new task for a closed queue is answered with."""
    return Conflict(f"The queue {name} is closed to new tasks. Use another, or have it opened again.")


def closed(connection: Connection) -> frozenset[str]:
    """The queues that take no new tasks."""
    return frozenset(connection.execute(_CLOSED).scalars())
