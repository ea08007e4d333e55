"""What a web process does at once when it is told to stop: it ends waits and lets go of idle connections.

gunicorn lets requests end, but to it a kept-alive connection that waits for its next request is one under way too.
"""

import threading
from typing import Any

import gevent

begun = threading.Event()  # whoever makes a caller wait asks this
LAST_CHANCE_S = 1.0  # for a connection made in the last moment to say what it wants


class IdleConnections:
    """Connections that wait for a request, each in a greenlet of its own."""

    def __init__(self) -> None:
        self._waits: dict[gevent.Timeout, Any] = {}

    def waiting(self, seconds: float) -> gevent.Timeout:
        """A time-out that says nothing when it is over, and that `let_go` brings forward."""
        return _Wait(self._waits, min(seconds, LAST_CHANCE_S) if begun.is_set() else seconds)

    def let_go(self) -> None:
        """End all waits. In the hub, so that nothing happens between the look and the end of each."""
        gevent.get_hub().loop.run_callback(self._end_all)

    def _end_all(self) -> None:
        for wait, greenlet in list(self._waits.items()):
            if wait in self._waits:
                greenlet.throw(wait)


class _Wait(gevent.Timeout):
    def __init__(self, waits: dict[gevent.Timeout, Any], seconds: float) -> None:
        super().__init__(seconds, False)  # type: ignore[arg-type]  # gevent: False is silence
        self._waits = waits

    def __enter__(self) -> "_Wait":
        self._waits[self] = gevent.getcurrent()
        super().__enter__()
        return self

    def __exit__(self, *raised: Any) -> Any:
        del self._waits[self]
        return super().__exit__(*raised)
