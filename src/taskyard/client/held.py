"""What a worker holds: leases until they are settled, slots until their handler is done."""

import threading

from taskyard.client.running import RunningTask
from taskyard.client.slices import MOST

# Leases beyond one for each slot: a full report on its way to the server and another one gathered behind it, so that
# settling goes on beside the handlers without a pause. A bound, and not a pause of claiming while settling fails: it
# holds as well where settling is slow, or waits half a minute for an answer before it fails.
UNTOLD = 2 * MOST


class Held:
    """Shared by the threads of a worker."""

    def __init__(self, concurrency: int) -> None:
        self.concurrency = concurrency
        self._most = concurrency + UNTOLD
        self.done: dict[str, int] = {}  # how many ended, by outcome
        self._changed = threading.Condition()
        self._leases: dict[str, RunningTask] = {}
        self._busy = 0
        self._closed = False

    def wait_for_slot(self) -> None:
        """Until a slot is free, or nothing more is taken in."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._busy < self.concurrency)

    def wait_for_room(self, timeout_s: float | None = None) -> int:
        """How many tasks may be taken in, once there is a slot and a lease for one; 0 if never, or not in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._room > 0, timeout_s)
            return 0 if self._closed else self._room

    @property
    def _room(self) -> int:
        return max(0, min(self.concurrency - self._busy, self._most - len(self._leases)))

    def close(self) -> None:
        """Take nothing more in."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        return self._closed

    def take(self, task: RunningTask) -> None:
        with self._changed:
            self._leases[task.token] = task
            self._busy += 1

    def hand_back(self) -> None:
        """A handler is done: its slot is free."""
        with self._changed:
            self._busy -= 1
            self._changed.notify_all()

    def drop(self, task: RunningTask, outcome: str) -> None:
        """The lease is settled or lost."""
        with self._changed:
            if self._leases.pop(task.token, None) is not None:
                self.done[outcome] = self.done.get(outcome, 0) + 1
                if len(self._leases) == self._most - 1:  # only then may somebody wait for it
                    self._changed.notify_all()

    def tasks(self) -> list[RunningTask]:
        """Those whose lease is held, settled ones not counted."""
        with self._changed:
            return list(self._leases.values())

    @property
    def untold(self) -> int:
        """Results that the server does not have yet."""
        return sum(task.concluded for task in self.tasks())

    @property
    def busy(self) -> int:
        """Handlers that are not done."""
        return self._busy
