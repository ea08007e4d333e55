"""Noting which workers ask: at most every EVERY each, by what this process remembers of them."""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from taskyard.core import clock, transaction
from taskyard.core.db import Database
from taskyard.queue import roll

EVERY = timedelta(seconds=10)
REMEMBERED = timedelta(minutes=1)
MANY = 10_000  # workers after whom those that are silent are forgotten


@dataclass(slots=True)
class _Asking:
    noted_at: datetime
    queues: dict[str, datetime] = field(default_factory=dict)  # when it last asked for each


class RollCall:
    """The workers that asked this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asking: dict[tuple[str, str], _Asking] = {}

    def due(self, holder_id: str, name: str, queues: list[str], now: datetime) -> dict[str, datetime]:
        """What to note down of a worker that asks now, when it asked for which queue: nothing where each was noted a
        moment ago.

        Several workers may share a name, so what any of them asked for lately counts.
        """
        with self._lock:
            known = self._asking.get((holder_id, name))
            if known is None:
                self._forget(now)
                known = self._asking[holder_id, name] = _Asking(now - EVERY)
            is_new = not known.queues.keys() >= set(queues)
            known.queues.update(dict.fromkeys(queues, now))
            if abs(now - known.noted_at) < EVERY and not is_new:
                return {}
            known.noted_at = now
            known.queues = {queue: at for queue, at in known.queues.items() if now - at < REMEMBERED}
            return dict(known.queues)

    def _forget(self, now: datetime) -> None:
        if len(self._asking) >= MANY:
            self._asking = {who: one for who, one in self._asking.items() if now - one.noted_at < REMEMBERED}


def note(database: Database, holder_id: str, name: str, queues: list[str]) -> None:
    """Write down that this worker asks, where that is due: in a transaction of its own, never in that of a claim."""
    now = clock.now()
    due = database.kept(RollCall, RollCall).due(holder_id, name, queues, now)
    if due:
        with transaction.own(database) as connection:
            roll.sign(connection, holder_id, name, due, now)
