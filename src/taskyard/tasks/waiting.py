"""Workers that wait for tasks: one look at the database per process feeds them all.

Whoever enqueues in this process wakes waiters at once, and tells other processes where none waits here; for what they
do not tell, one thread looks while somebody waits. No wait holds a connection.
"""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Iterable
from contextlib import closing

from taskyard.core import clock
from taskyard.core.db import Database
from taskyard.core.notices import notices
from taskyard.core.polling import Poller
from taskyard.queue import heads, roll
from taskyard.queue.marks import marks

TOPIC = "queue"
GONE_EVERY_S = 1.0  # how often a waiter looks whether its caller is still there

Rest = Callable[[], None]  # returns once it is time to look again


def bell(*of: str) -> str:
    """What may be waited by beside queues; that of a worker, by its holder and name, is rung once it is drained.

    It is no queue's name, and holds no line break.
    """
    return ascii(of)


def _is_bell(name: str) -> bool:
    return name.startswith("(")


class _Waiter:
    """Whoever waits stands at an Event: under gevent it weighs less than a lock, and there may be thousands."""

    __slots__ = ("_woken", "queues", "told")

    def __init__(self, queues: list[str]) -> None:
        self.queues = queues
        self.told: str | None = None  # the queue for which it was woken
        self._woken = threading.Event()

    def wake(self, queue: str) -> None:
        self.told = queue
        self._woken.set()

    def wait(self, seconds: float) -> bool:
        """Whether it was woken by then."""
        return self._woken.wait(seconds)


class Waiting:
    """The waiters of one process on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._by_queue: defaultdict[str, deque[_Waiter]] = defaultdict(deque)
        self._poller = Poller(database, "waiting", lambda: bool(self._by_queue), self._look)
        self._notices = notices(database)
        self._notices.on(TOPIC, self._wake)

    def __len__(self) -> int:
        """How many wait and have not been woken."""
        with self._lock:
            return len({waiter for line in self._by_queue.values() for waiter in line if waiter.told is None})

    def wake(self, queues: Iterable[str]) -> None:
        """Wake one waiter for each task that came into these queues: here, or else in each other process."""
        if left := self._wake(queues):
            self._notices.send(TOPIC, left)

    def wake_here(self, queues: Iterable[str]) -> None:
        """Wake one waiter of this process alone for each."""
        self._wake(queues)

    def wake_everywhere(self, queues: list[str]) -> None:
        """Wake one waiter of each process: there may be many tasks in these queues."""
        self._wake(queues)
        self._notices.send(TOPIC, queues)

    def _wake(self, queues: Iterable[str]) -> list[str]:
        """Wake one waiter of this process for each; those for which there was none."""
        with self._lock:
            return [queue for queue in queues if not self._wake_one(queue)]

    def _wake_one(self, queue: str) -> bool:
        line = self._by_queue.get(queue)
        while line:
            waiter = line.popleft()
            if waiter.told is None:
                waiter.wake(queue)
                return True
        return False

    def until(self, queues: list[str], attempt: Callable[[], bool], wait_s: float, gone: Callable[[], bool]) -> None:
        """Call `attempt` until it is true, time is up or the caller is gone; never while the caller is gone."""
        with closing(self.rounds(queues, attempt, wait_s, gone)) as rests:
            for rest in rests:
                rest()

    def rounds(
        self, queues: list[str], attempt: Callable[[], bool], wait_s: float, gone: Callable[[], bool]
    ) -> Generator[Rest]:
        """The same with the rests given to the caller, who need not make them where the attempts are made.

        Whoever was woken and leaves wakes the next in line: it may leave without having looked (gone, too late), and
        where it got its task, there may be more here than the one it was woken for.
        """
        give_up_at = time.monotonic() + wait_s
        told: str | None = None
        got = False
        try:
            while True:
                waiter = self._enter(queues)  # before the attempt, so that nothing slips in between
                try:
                    if gone():
                        return
                    if got := attempt():
                        return
                    told = None  # it has looked
                    yield self._rest(waiter, give_up_at, gone)
                finally:
                    self._leave(waiter)
                    told = waiter.told or told
                if waiter.told is None:
                    return  # time is up, or the caller is gone
        finally:
            if told is not None:
                (self._wake if got else self.wake)([told])

    @staticmethod
    def _rest(waiter: _Waiter, give_up_at: float, gone: Callable[[], bool]) -> Rest:
        def rest() -> None:  # a function and no partial: calls of functions take nothing of the C stack
            while (left := give_up_at - time.monotonic()) > 0:
                if waiter.wait(min(left, GONE_EVERY_S)) or gone():
                    return

        return rest

    def _enter(self, queues: list[str]) -> _Waiter:
        waiter = _Waiter(queues)
        with self._lock:
            for queue in queues:
                self._by_queue[queue].append(waiter)
        self._poller.start()
        return waiter

    def _leave(self, waiter: _Waiter) -> None:
        with self._lock:
            for queue in waiter.queues:
                line = self._by_queue.get(queue)
                if line and waiter in line:
                    line.remove(waiter)
                if not line:
                    self._by_queue.pop(queue, None)

    def _look(self) -> None:
        with self._lock:
            names = list(self._by_queue)
        queues = [name for name in names if not _is_bell(name)]
        with self._database.read.connect() as connection:
            busy = heads.with_work(connection, queues, marks(self._database), clock.now())
            drained = {bell(*of) for of in roll.drained(connection)} if len(queues) < len(names) else set()
        self._wake([*busy, *drained])


def waiting(database: Database) -> Waiting:
    """The waiters on this database in this process."""
    return database.kept(Waiting, lambda: Waiting(database))
