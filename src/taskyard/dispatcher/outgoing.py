"""The one thread in which the dispatcher talks to other servers: an event loop with the lines that send."""

import asyncio
import threading
from collections.abc import Callable

import structlog

from taskyard.config import Config
from taskyard.core.db import Database
from taskyard.dispatcher import lines
from taskyard.egress.policy import rules_of
from taskyard.egress.sender import Sender
from taskyard.tasks.pushing import PushLine

log = structlog.get_logger("taskyard.dispatcher")


class Outgoing:
    """`with Outgoing(…):` the lines run within the block, and are stopped at its end."""

    def __init__(self, database: Database, config: Config, *, push_line: Callable[..., PushLine] = PushLine) -> None:
        self._database = database
        self._push_line = push_line
        self._config = config
        self._thread = threading.Thread(target=self._main, name="outgoing")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None
        self._begun = threading.Event()

    def __enter__(self) -> None:
        self._thread.start()
        self._begun.wait()

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and self._stopped is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    def _main(self) -> None:
        try:
            asyncio.run(self._run())
        except Exception:  # whatever it is: a thread that ended would do so unseen
            log.exception("nothing is sent any more")
        finally:
            self._begun.set()

    async def _run(self) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        self._begun.set()
        async with Sender(rules_of(self._config)) as sender:
            push = self._push_line(self._database, sender.send, self._config.secret)
            await asyncio.gather(lines.run(push, self._stopped))
