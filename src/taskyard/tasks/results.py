"""Callers that wait for the end of a task: one look at the database per process serves them all.

Whoever ends a task in this process wakes those who wait for it at once; for what other processes do, one thread looks
every POLL_S while somebody waits. No wait holds a connection.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable

from sqlalchemy import bindparam, select

from taskyard.core.db import Database
from taskyard.queue.portions import portions
from taskyard.queue.tables import task

log = logging.getLogger(__name__)

POLL_S = 0.05
GONE_EVERY_S = 1.0  # how often a waiter looks whether its caller is still there

_OPEN = select(task.c.id).where(task.c.id.in_(bindparam("ids", expanding=True)), task.c.outcome.is_(None))


class Results:
    """Those of one process who wait for the end of tasks of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._by_task: defaultdict[str, list[threading.Event]] = defaultdict(list)
        self._poller: threading.Thread | None = None

    def __len__(self) -> int:
        """How many wait."""
        with self._lock:
            return sum(len(line) for line in self._by_task.values())

    def wake(self, ids: Iterable[str]) -> None:
        """These tasks have ended, or are gone: wake whoever waits for them."""
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
            if self._poller is None:
                self._poller = threading.Thread(target=self._poll, name="results", daemon=True)
                self._poller.start()
        return woken

    def _leave(self, task_id: str, woken: threading.Event) -> None:
        with self._lock:
            line = self._by_task[task_id]
            line.remove(woken)
            if not line:
                del self._by_task[task_id]

    def _poll(self) -> None:
        while True:
            time.sleep(POLL_S)
            with self._lock:
                ids = list(self._by_task)
                if not ids:
                    self._poller = None
                    return
            try:
                self.wake(set(ids) - self._still_open(ids))
            except Exception as error:  # whatever it is, somebody has to go on looking
                log.warning("could not look for results: %s", error)

    def _still_open(self, ids: list[str]) -> set[str]:
        with self._database.read.connect() as connection:
            return {
                found for portion in portions(ids) for found in connection.execute(_OPEN, {"ids": portion}).scalars()
            }


def results(database: Database) -> Results:
    """Those who wait for results of this database in this process."""
    return database.kept(Results, lambda: Results(database))
