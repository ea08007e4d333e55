"""What a worker holds: leases until they are settled, slots until their handler is done."""

import threading

from taskyard.client.running import RunningTask


class Held:
    """Shared by the threads of a worker."""

    def __init__(self, concurrency: int) -> None:
        self.concurrency = concurrency
        self.done: dict[str, int] = {}  # how many ended, by outcome
        self._changed = threading.Condition()
        self._leases: dict[str, RunningTask] = {}
        self._busy = 0
        self._closed = False

    def wait_for_room(self) -> int:
        """The number of free slots once there is one; 0 once nothing more is taken in."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._busy < self.concurrency)
            return 0 if self._closed else self.concurrency - self._busy

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

    def tasks(self) -> list[RunningTask]:
        """Those whose lease is held, settled ones not counted."""
        with self._changed:
            return list(self._leases.values())

    @property
    def busy(self) -> int:
        """Handlers that are not done."""
        return self._busy
