"""Callers that wait for the end of a task: one look at the database per process serves them all.

Whoever ends a task in this process wakes those who wait for it at once. A process that waits for a task says so to the
others, and only of such tasks do they tell the end. For what they do not tell, one thread looks while somebody waits.
No wait holds a connection.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable

from sqlalchemy import bindparam, select

from taskyard.core.db import Database
from taskyard.core.notices import notices
from taskyard.core.polling import POLL_S, Poller
from taskyard.queue.portions import portions
from taskyard.queue.tables import task

AWAITED, ENDED = "awaited", "ended"  # topics
FORGOTTEN_S = 30.0  # that another process waits for a task; it does so for 20 s at most
GONE_EVERY_S = 1.0  # how often a waiter looks whether its caller is still there

_OPEN = select(task.c.id).where(task.c.id.in_(bindparam("ids", expanding=True)), task.c.outcome.is_(None))


class _Elsewhere:
    """Tasks for which other processes wait."""

    def __init__(self) -> None:
        self._newer: set[str] = set()
        self._older: set[str] = set()
        self._turned_at = time.monotonic()

    def add(self, ids: Iterable[str]) -> None:
        if time.monotonic() - self._turned_at > FORGOTTEN_S:
            self._newer, self._older, self._turned_at = set(), self._newer, time.monotonic()
        self._newer.update(ids)

    def among(self, ids: list[str]) -> list[str]:
        if not self._newer and not self._older:
            return []
        return [task_id for task_id in ids if task_id in self._newer or task_id in self._older]


class Results:
    """Those of one process who wait for the end of tasks of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._by_task: defaultdict[str, list[threading.Event]] = defaultdict(list)
        self._elsewhere = _Elsewhere()
        self._poller = Poller(database, "results", lambda: bool(self._by_task), self._look)
        self._notices = notices(database)
        self._notices.on(AWAITED, self._elsewhere.add)
        self._notices.on(ENDED, self._wake)

    def __len__(self) -> int:
        """How many wait."""
        with self._lock:
            return sum(len(line) for line in self._by_task.values())

    def wake(self, ids: list[str]) -> None:
        """These tasks have ended, or are gone: wake whoever waits for them, here or elsewhere."""
        self._wake(ids)
        self._notices.listen()  # who ends tasks wants to hear which of them are waited for
        if awaited := self._elsewhere.among(ids):
            self._notices.send(ENDED, awaited)

    def _wake(self, ids: Iterable[str]) -> None:
        if not self._by_task:
            return
        with self._lock:
            for task_id in ids:
                for woken in self._by_task.get(task_id, ()):
                    woken.set()

    def until(self, task_id: str, ended: Callable[[], bool], wait_s: float, gone: Callable[[], bool]) -> None:
        """Wait until the task has ended, time is up or the caller is gone. `ended` is asked once, at the beginning."""
        give_up_at = time.monotonic() + wait_s
        woken = self._enter(task_id)  # before the look, so that nothing slips in between
        try:
            if ended():
                return
            while (left := give_up_at - time.monotonic()) > 0:
                if woken.wait(min(left, GONE_EVERY_S)) or gone():
                    return
        finally:
            self._leave(task_id, woken)

    def _enter(self, task_id: str) -> threading.Event:
        woken = threading.Event()
        with self._lock:
            self._by_task[task_id].append(woken)
        self._notices.send(AWAITED, [task_id])
        self._poller.start()
        self._poller.within(POLL_S)  # it may end before the others have heard
        return woken

    def _leave(self, task_id: str, woken: threading.Event) -> None:
        with self._lock:
            line = self._by_task[task_id]
            line.remove(woken)
            if not line:
                del self._by_task[task_id]

    def _look(self) -> None:
        with self._lock:
            ids = list(self._by_task)
        self._wake(set(ids) - self._still_open(ids))

    def _still_open(self, ids: list[str]) -> set[str]:
        with self._database.read.connect() as connection:
            return {
                found for portion in portions(ids) for found in connection.execute(_OPEN, {"ids": portion}).scalars()
            }


def results(database: Database) -> Results:
    """Those who wait for results of this database in this process."""
    return database.kept(Results, lambda: Results(database))
