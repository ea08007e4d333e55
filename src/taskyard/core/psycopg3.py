"""Waiting for PostgreSQL under gevent: the hub watches the connection's socket, and nothing else is made for it.

psycopg waits by a poll object, which under gevent is made of watchers and timers anew each time: half of what a round
trip costs the process.
"""

from typing import Any

import gevent
import psycopg
from gevent import monkey
from psycopg.waiting import Ready, Wait
from sqlalchemy import Engine, event

_EVENTS = {Wait.R: (1, Ready.R), Wait.W: (2, Ready.W), Wait.RW: (3, Ready.RW)}  # libev's READ is 1, its WRITE 2


class Connection(psycopg.Connection[Any]):
    """psycopg's, which waits in the hub where there is one."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
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
