"""What stands between a queue and its workers: queues that are paused, closed or limited, workers that are draining."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from sqlalchemy import URL, Connection, Engine, false, literal_column, or_, select, union_all

from taskyard.core.errors import Conflict
from taskyard.core.types import Id
from taskyard.queue.tables import queue, worker

_RULES = select(queue.c.name, queue.c.closed_at, queue.c.fair, queue.c.weights).where(
    or_(queue.c.closed_at.is_not(None), queue.c.fair)
)
_NOBODY = literal_column("NULL", Id).label("holder_id")
# One query for all, as it is asked with every batch of claims; most often there is nothing.
_SHUT = union_all(
    select(queue.c.name, _NOBODY, queue.c.paused_at.is_not(None).label("paused"), queue.c.limited).where(
        or_(queue.c.paused_at.is_not(None), queue.c.limited)
    ),
    select(worker.c.name, worker.c.holder_id, false(), false()).where(worker.c.drain_at.is_not(None)),
)


# Queues that this process has seen limited, by their database. It may be wrong either way: whoever acts on it looks.
_limited: dict[URL, set[str]] = {}
_of_engines: WeakKeyDictionary[Engine, set[str]] = WeakKeyDictionary()  # the same: to hash a URL is to write it out


def seen_limited(connection: Connection) -> set[str]:
    found = _of_engines.get(connection.engine)
    if found is None:
        found = _of_engines[connection.engine] = _limited.setdefault(connection.engine.url, set())
    return found


@dataclass(frozen=True, slots=True)
class Shut:
    """The queues that are paused or have limits, and the workers (holder, name) that are to get nothing."""

    paused: frozenset[str]
    draining: frozenset[tuple[str, str]]
    limited: frozenset[str] = frozenset()

    def less(self, holder_id: str, name: str, queues: list[str]) -> list[str]:
        """Those of the queues from which this worker may take."""
        if (holder_id, name) in self.draining:
            return []
        return [one for one in queues if one not in self.paused]


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for new tasks: the queues that take none, and of those that are fair the weights of their keys."""

    closed: frozenset[str]
    weights: dict[str, dict[str, int]]


def shut(connection: Connection) -> Shut:
    rows = connection.execute(_SHUT).all()
    return Shut(
        frozenset(row.name for row in rows if row.holder_id is None and row.paused),
        frozenset((row.holder_id, row.name) for row in rows if row.holder_id is not None),
        frozenset(row.name for row in rows if row.limited),
    )


def refusal(name: str) -> Conflict:
    """What a new task for a closed queue is answered with."""
    return Conflict(f"The queue {name} is closed to new tasks. Use another, or have it opened again.")


def rules(connection: Connection) -> Rules:
    rows = connection.execute(_RULES).all()
    return Rules(
        frozenset(row.name for row in rows if row.closed_at is not None),
        {row.name: row.weights or {} for row in rows if row.fair},
    )


def closed(connection: Connection) -> frozenset[str]:
    """The queues that take no new tasks."""
    return rules(connection).closed
