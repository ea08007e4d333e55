"""Listening on PostgreSQL: one connection of its own, in a thread that is there while somebody wants it.

A connection that is open need not hear: behind PgBouncer in transaction mode LISTEN succeeds and nothing ever comes. So
the process says hello to itself every few seconds and counts as hearing only while that arrives.
"""

import os
import random
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import structlog
from psycopg import sql

log = structlog.get_logger("taskyard.listener")

WANTED_S = 60.0
HELLO_S = 5.0
DEAF_S = 3 * HELLO_S
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 10.0


class Listener:
    """Hands what is sent on a channel to `take`, which says whether it came from this very process."""

    def __init__(
        self,
        connect: Callable[[], "psycopg.Connection[Any]"],
        channel: str,
        take: Callable[[str], bool],
        hello: Callable[[], None],
    ) -> None:
        self._connect, self._channel, self._take, self._hello = connect, channel, take, hello
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._connection: psycopg.Connection[Any] | None = None
        self._wanted_until = 0.0
        self._heard_at: float | None = None
        self._began: list[Callable[[], None]] = []

    def listen(self) -> None:
        self._wanted_until = time.monotonic() + WANTED_S
        if self._thread is None:
            with self._lock:
                if self._thread is None and not self._closed.is_set():
                    self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
                    self._thread.start()

    @property
    def hearing(self) -> bool:
        heard_at = self._heard_at
        return heard_at is not None and time.monotonic() - heard_at < DEAF_S

    def began(self, deed: Callable[[], None]) -> None:
        """Do this whenever it begins to hear: what was sent before is lost."""
        self._began.append(deed)

    def close(self) -> None:
        self._closed.set()
        connection, thread = self._connection, self._thread
        if connection is not None:
            _hang_up(connection)
        if thread is not None:
            thread.join(1)

    def _wanted(self) -> bool:
        return time.monotonic() < self._wanted_until and not self._closed.is_set()

    def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                with self._connect() as connection:
                    self._connection = connection
                    self._hear(connection)
            except Exception as error:  # whatever it is: a thread that ended for good would do so unseen
                if not self._closed.is_set():
                    log.warning("cannot hear other processes", error=str(error).partition("\n")[0])
            finally:
                self._connection = None
            pause_s = FIRST_PAUSE_S if self._heard_at is not None else min(2 * pause_s, LONGEST_PAUSE_S)
            self._heard_at = None
            with self._lock:
                if not self._wanted():
                    self._thread = None
                    return
            self._closed.wait(pause_s * random.uniform(0.5, 1.5))

    def _hear(self, connection: "psycopg.Connection[Any]") -> None:
        """Until nobody wants it any more, or this process does not hear itself."""
        connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
        began_at = time.monotonic()
        while self._wanted():
            self._hello()
            for notice in connection.notifies(timeout=HELLO_S):
                if self._take(notice.payload):
                    first, self._heard_at = self._heard_at is None, time.monotonic()
                    for deed in self._began if first else ():
                        deed()
                if self._closed.is_set():
                    return
            if not self.hearing and time.monotonic() - began_at > DEAF_S:
                log.warning("this process does not hear its own notices: is a pooler in transaction mode in between?")
                return


def _hang_up(connection: "psycopg.Connection[Any]") -> None:
    """Wake the thread that waits for this connection; only that thread may close it."""
    try:
        with socket.socket(fileno=os.dup(connection.fileno())) as shared:
            shared.shutdown(socket.SHUT_RDWR)
    except (OSError, psycopg.Error):
        pass  # it is closed already
