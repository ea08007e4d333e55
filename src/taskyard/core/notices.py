"""Notices: what a process tells all others on the same PostgreSQL, by NOTIFY and LISTEN; on SQLite nothing is sent.

A notice is a hint: it may be lost, and whoever counts on one looks for himself now and then. Sending is put off and
bundled, on a connection of its own in autocommit: a NOTIFY in the transaction it tells of would make all commits queue
for one lock.
"""

import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import psycopg
import structlog

from taskyard.core import psycopg3
from taskyard.core.db import Database
from taskyard.core.listener import Listener

log = structlog.get_logger("taskyard.notices")

CHANNEL = "taskyard"
EVERY_S = 0.015  # the first of a time goes at once, what follows within it goes together
MOST_BYTES = 7900  # PostgreSQL takes 7,999
AFTER_ERROR_S = 1.0

_SEND = "SELECT pg_notify(%s, payload) FROM unnest(%s::text[]) AS payload"
_SETTINGS = {
    "options": "-c synchronous_commit=off",  # a notice need not outlive a crash
    "connect_timeout": 5,
    "keepalives_idle": 10,  # a peer that is gone is noticed
    "keepalives_interval": 5,
    "keepalives_count": 3,
}

Heard = Callable[[list[str]], object]


class Notices:
    """What one process tells and hears."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._id = secrets.token_hex(4)  # the first line of what this process sends
        self._lock = threading.Lock()
        self._pending: dict[str, None] = {}
        self._due = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._connection: psycopg.Connection[Any] | None = None
        self._heard: dict[str, Heard] = {}
        self._listener = Listener(self._connect, CHANNEL, self._take, self._hello)
        database.at_end(self.close)

    def on(self, topic: str, heard: Heard) -> None:
        """Call this with the names that other processes send on a topic."""
        self._heard[topic] = heard

    def send(self, topic: str, names: Iterable[str]) -> None:
        """Tell all other processes; no name holds a line break."""
        if not self._database.is_sqlite:
            self._put(f"{topic} {name}" for name in names)

    def spread(self, topic: str) -> None:
        """Tell all processes, this one too, of a topic that has no names."""
        if topic in self._heard:
            self._heard[topic]([""])
        self.send(topic, [""])

    def listen(self) -> None:
        """Listen for the next minute, beginning now if need be."""
        if not self._database.is_sqlite:
            self._listener.listen()

    def began(self, deed: Callable[[], None]) -> None:
        """Do this whenever this process begins to hear: what was sent before is lost to it."""
        self._listener.began(deed)

    @property
    def hearing(self) -> bool:
        """Whether what is sent arrives here: this process has lately heard itself."""
        return self._listener.hearing

    def close(self) -> None:
        """Stop sending and listening."""
        self._closed.set()
        self._due.set()
        self._listener.close()
        if self._thread is not None:
            self._thread.join(AFTER_ERROR_S)

    def _hello(self) -> None:
        self._put([""])

    def _put(self, lines: Iterable[str]) -> None:
        with self._lock:
            self._pending.update(dict.fromkeys(lines))
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="notices", daemon=True)
                self._thread.start()
        if not self._due.is_set():
            self._due.set()

    def _connect(self) -> "psycopg.Connection[Any]":
        """A connection outside the pools, in autocommit."""
        _, named = self._database.read.dialect.create_connect_args(self._database.read.url)
        return psycopg3.Connection.connect(**{**named, **_SETTINGS}, autocommit=True)

    def _run(self) -> None:
        while self._due.wait() and not self._closed.is_set():
            self._due.clear()
            with self._lock:
                lines, self._pending = list(self._pending), {}
            try:
                self._tell(list(payloads(self._id, lines)))
            except Exception as error:  # whatever it is: a thread that ended for good would do so unseen
                log.warning("could not tell other processes", error=str(error).partition("\n")[0])
                self._closed.wait(AFTER_ERROR_S)
            self._closed.wait(EVERY_S)
        if self._connection is not None:
            self._connection.close()

    def _tell(self, told: list[str]) -> None:
        if self._connection is not None:
            try:
                self._connection.execute(_SEND, [CHANNEL, told])
            except psycopg.Error:
                self._connection.close()  # the server has hung up; perhaps it is back by now
            else:
                return
        self._connection = self._connect()
        self._connection.execute(_SEND, [CHANNEL, told])

    def _take(self, payload: str) -> bool:
        """Hand on what came; whether it came from this very process."""
        sender, *lines = payload.split("\n")
        if sender == self._id:
            return True
        by_topic: dict[str, list[str]] = {}
        for line in lines:
            topic, _, name = line.partition(" ")
            by_topic.setdefault(topic, []).append(name)
        for topic, names in by_topic.items():
            if topic in self._heard:
                self._heard[topic](names)
        return False


def payloads(sender: str, lines: list[str]) -> Iterator[str]:
    """The lines in as few payloads as they fit into, each beginning with who sends it."""
    payload = sender
    for line in lines:
        if len(f"{payload}\n{line}".encode()) > MOST_BYTES:
            yield payload
            payload = sender
        payload += f"\n{line}"
    yield payload


def notices(database: Database) -> Notices:
    """What this process tells and hears on this database."""
    return database.kept(Notices, lambda: Notices(database))
