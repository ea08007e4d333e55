"""How many tasks of a queue may be pushed at once: counted among the leases, so it holds for all dispatchers together.

What a dispatcher that was killed had under way counts until its leases are over: its receiver may still be at it.
"""

import threading
from collections import Counter
from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, func, literal, select, text, tuple_, update

from taskyard.commands.push import Pushed
from taskyard.core.ids import NIL
from taskyard.core.types import Id
from taskyard.queue.tables import lease
from taskyard.tasks.moulds import own_queue

MOST_OF_ONE = 400  # requests of one queue that a dispatcher has under way, so that some of its 500 are for the others
HOLDER = NIL  # the dispatchers are nobody's workers
RECEIVER = "the receiver"  # whoever answered 202 holds the lease: its request is over

_ONE_AT_A_TIME = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('taskyard.push ' || queue, 0))"
    " FROM (SELECT unnest(CAST(:queues AS text[])) AS queue ORDER BY 1) AS ordered"
)
UNDER_WAY = (lease.c.holder_id == bindparam("holder", HOLDER, type_=Id), lease.c.worker != RECEIVER)
_RUNNING = (
    select(lease.c.queue, func.sum(literal(1)).label("running"))
    .where(
        lease.c.queue.in_(bindparam("queues", expanding=True)),
        lease.c.token.not_in(bindparam("over", expanding=True)),
        *UNDER_WAY,
    )
    .group_by(lease.c.queue)
)
_HAND_OVER = update(lease).where(tuple_(lease.c.task_id, lease.c.token).in_(bindparam("held", expanding=True)))


class Flights:
    """The requests of this process: how many are under way of each queue, and which of them are answered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()
        self._answered: set[str] = set()  # fences of what is not settled yet: it takes no place any more
        self.landings = 0  # ever

    def take_off(self, queues: Iterable[str]) -> None:
        with self._lock:
            self._under_way.update(queues)

    def land(self, queue: str, fence: str) -> None:
        with self._lock:
            self._under_way[queue] -= 1
            self._answered.add(fence)
            self.landings += 1

    def drop(self, queues: Iterable[str]) -> None:
        """They were not sent."""
        with self._lock:
            self._under_way.subtract(queues)

    def settle(self, fences: Iterable[str]) -> None:
        with self._lock:
            self._answered.difference_update(fences)

    def room(self, most: Counter[str]) -> dict[str, int]:
        """How many more this process may have under way of each of these queues; those that are full are left out."""
        with self._lock:
            return dict(Counter({queue: min(count, MOST_OF_ONE) for queue, count in most.items()}) - self._under_way)

    @property
    def answered(self) -> list[str]:
        with self._lock:
            return list(self._answered)


def queue_of(command: Pushed) -> str:
    return command.queue or own_queue(command.name)


def bounds(pushed: Iterable[Pushed]) -> Counter[str]:
    """How many requests may be under way of each queue; commands that share one share what they allow."""
    found: Counter[str] = Counter()
    for one in pushed:
        found[queue_of(one)] += one.concurrency
    return found


def left(connection: Connection, most: dict[str, int], flights: Flights) -> Counter[str]:
    """How many more there may be of each of these queues; those that are full are left out.

    Asked in a transaction that has written nothing yet: nobody else claims of these queues until its end. On SQLite
    there is one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_ONE_AT_A_TIME, {"queues": sorted(most)})
    rows = connection.execute(_RUNNING, {"queues": sorted(most), "over": flights.answered}).all()
    return Counter(most) - Counter({row.queue: row.running for row in rows})


def hand_over(connection: Connection, held: list[tuple[str, str]]) -> None:
    """These leases (task, token) are their receivers' from now on."""
    connection.execute(_HAND_OVER.values(worker=RECEIVER), {"held": sorted(held)})
