"""psycopg's connection, at less cost in two places.

Under gevent the hub watches its socket, and nothing else is made for a wait: psycopg waits by a poll object, which is
made of watchers and timers anew each time, half of what a round trip costs the process. And a statement that comes
again gets the cursor it had: a new one looks up anew how each parameter and each column is to be converted.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import gevent
import psycopg
from gevent import monkey
from psycopg.waiting import Ready, Wait
from sqlalchemy import Engine, event

MOST_CURSORS = 50
_EVENTS = {Wait.R: (1, Ready.R), Wait.W: (2, Ready.W), Wait.RW: (3, Ready.RW)}  # libev's READ is 1, its WRITE 2


class Connection(psycopg.Connection[Any]):
    def __init__(self, *of: Any) -> None:
        super().__init__(*of)
        self._again: dict[str, tuple[psycopg.Cursor[Any], str]] = {}

    def rows(self, sql: str, parameters: Mapping[str, Any] | Sequence[Any]) -> list[tuple[Any, ...]]:
        """What a statement gives that will come again."""
        if sql not in self._again:
            if len(self._again) == MOST_CURSORS:
                self._again.clear()
            self._again[sql] = (self.cursor(), sql)
        cursor, same = self._again[sql]  # psycopg knows it again as the very object it was given before
        found: list[tuple[Any, ...]] = cursor.execute(same, parameters).fetchall()
        if cursor.pgresult is not None:
            cursor.pgresult.clear()  # it may be megabytes, and would stay until the next
        return found

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """psycopg's own where there is no hub."""
        if timeout is not None or not monkey.is_module_patched("select"):
            return super().wait(gen, interval, timeout)
        hub = gevent.get_hub()
        try:
            wanted = next(gen)
            while True:
                events, ready = _EVENTS[wanted]
                watcher = hub.loop.io(self.fileno(), events)
                try:
                    hub.wait(watcher)
                finally:
                    watcher.close()
                wanted = gen.send(ready)
        except StopIteration as ended:
            return ended.value


def install(engine: Engine) -> None:
    """Let this engine open such connections."""

    def connect(_dialect: object, _record: object, arguments: Any, parameters: Any) -> Connection:
        return Connection.connect(*arguments, **parameters)

    event.listen(engine, "do_connect", connect)
