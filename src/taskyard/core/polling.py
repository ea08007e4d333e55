"""Looking at the database while somebody waits for what other processes do: as rarely as it can be told.

On SQLite the file itself tells, at the cost of some microseconds, whether anything was committed since the last look.
On PostgreSQL other processes send notices; looking goes on slowly, as a notice may be lost, and fast where none come.
"""

import math
import random
import threading
import time
from collections.abc import Callable

import structlog

from taskyard.core.db import Database
from taskyard.core.notices import notices

log = structlog.get_logger("taskyard.polling")

TICK_S = 0.01  # how often SQLite is asked whether anything has changed
POLL_S = 0.05  # how often PostgreSQL is looked at while no notices come
FLOOR_S = 0.5  # how often it is looked at in any case
END_S = 1.0
SHARE = 10  # after a look it rests this much longer than that took


class Poller:
    """A thread that calls `look` while `waits` is true; it ends by itself, and `start` begins it again."""

    def __init__(self, database: Database, name: str, waits: Callable[[], bool], look: Callable[[], None]) -> None:
        self._database, self._name, self._waits, self._look = database, name, waits, look
        self._notices = notices(database)
        self._notices.began(lambda: self.within(0))
        database.at_end(self.end)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stirred = threading.Event()
        self._due_at = math.inf  # what somebody has asked for
        self._ended = False
        self._version = -1  # of the SQLite file, as it was last seen

    def start(self) -> None:
        """To be called by whoever waits, once `waits` is true of it."""
        self._notices.listen()
        with self._lock:
            if self._thread is None and not self._ended:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def within(self, seconds: float) -> None:
        """Let the next look be no later than that."""
        due_at = time.monotonic() + seconds
        if due_at < self._due_at:
            self._due_at = due_at
            self._stirred.set()

    def end(self) -> None:
        """Let the thread end, with the look it is at: it holds a connection."""
        self._ended = True
        self.within(0)
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(END_S)

    def _run(self) -> None:
        took_s = 0.0
        while True:
            self._pause(SHARE * took_s)
            with self._lock:
                if self._ended or not self._waits():
                    self._thread = None
                    return
            began_at = time.monotonic()
            try:
                self._look()
            except Exception as error:  # whatever it is, somebody has to go on looking
                log.warning("could not look at the database", who=self._name, error=str(error).partition("\n")[0])
            took_s = time.monotonic() - began_at
            self._notices.listen()

    def _pause(self, least_s: float) -> None:
        if self._database.is_sqlite:
            time.sleep(max(least_s, TICK_S))
            self._until_changed()
        else:
            floor_s = FLOOR_S if self._notices.hearing else POLL_S
            self._until_due(max(least_s, floor_s * random.uniform(0.8, 1.2)))

    def _until_due(self, pause_s: float) -> None:
        self._due_at = min(self._due_at, time.monotonic() + pause_s)
        while (left := self._due_at - time.monotonic()) > 0:
            self._stirred.wait(left)
            self._stirred.clear()
        self._due_at = math.inf

    def _until_changed(self) -> None:
        give_up_at = time.monotonic() + FLOOR_S
        while not self._ended and self._waits() and not self._changed() and time.monotonic() < give_up_at:
            time.sleep(TICK_S)

    def _changed(self) -> bool:
        """Whether anybody but the connection that is asked has committed since it was asked last."""
        before = self._version
        try:
            with self._database.sqlite_reader() as connection:
                [self._version] = connection.execute("PRAGMA data_version").fetchone()
        except Exception:
            return True  # the look will tell what is wrong
        return self._version != before
