"""The open connections of a transport, so that a request that waits can be ended from another thread."""

import contextlib
import socket
import threading
from typing import Any
from weakref import WeakSet

from urllib3.connection import HTTPConnection


class Lines:
    """`cut` is set once they are hung up."""

    def __init__(self) -> None:
        self.cut = threading.Event()
        self._lock = threading.Lock()
        self._open: WeakSet[HTTPConnection] = WeakSet()

    def tracking(self, kind: Any) -> Any:
        """The same class of connection, but one that enters itself here."""
        lines = self

        class Tracked(kind):  # type: ignore[misc]  # the class is known at run time only: HTTP or HTTPS
            def connect(self) -> None:
                super().connect()
                lines._enter(self)

        Tracked.__name__ = kind.__name__  # urllib3 shows it in its errors
        return Tracked

    def _enter(self, connection: HTTPConnection) -> None:
        with self._lock:
            self._open.add(connection)
        if self.cut.is_set():
            _shut(connection)

    def hang_up(self) -> None:
        self.cut.set()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            _shut(connection)


def _shut(connection: HTTPConnection) -> None:
    line = connection.sock
    if line is not None:
        with contextlib.suppress(OSError):  # the other side was faster
            line.shutdown(socket.SHUT_RDWR)
