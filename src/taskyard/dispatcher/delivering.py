"""The lines of the outbox, in an event loop of their own thread."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import structlog

from taskyard.core.db import Database
from taskyard.core.notices import notices
from taskyard.core.polling import Poller
from taskyard.egress.policy import Rules
from taskyard.egress.sender import Sender
from taskyard.events import publish
from taskyard.outbox import fanout
from taskyard.outbox.line import FanOut, Line
from taskyard.outbox.post import post

log = structlog.get_logger("taskyard.outbox")
LOOK_S = 0.1  # at whether to stop


def start(database: Database, rules: Rules, stop: threading.Event) -> threading.Thread:
    """A thread that delivers until `stop` is set, and finishes what it has begun."""
    thread = threading.Thread(target=lambda: asyncio.run(_run(database, rules, stop)), name="deliver")
    thread.start()
    return thread


async def _run(database: Database, rules: Rules, stop: threading.Event) -> None:
    stopped = asyncio.Event()
    async with Sender(rules) as sender:
        line = Line(database, partial(post, send=sender.send, rules=rules))
        fan_out = FanOut(database, line.wake)
        lines = asyncio.gather(line.run(stopped), fan_out.run(stopped))
        _stirred(database, [fan_out.wake, line.wake], stop)
        while not stop.is_set() and not lines.done():
            await asyncio.wait([lines], timeout=LOOK_S)
        stopped.set()
        line.wake()
        fan_out.wake()
        await lines


def _stirred(database: Database, wakes: list[Callable[[], None]], stop: threading.Event) -> None:
    """Wake the lines whenever a process tells of events or deliveries, or has written to the SQLite file."""
    loop = asyncio.get_running_loop()

    def look() -> None:
        with suppress(RuntimeError):  # the loop has ended
            for wake in wakes:
                loop.call_soon_threadsafe(wake)

    poller = Poller(database, "outbox", lambda: not stop.is_set(), look)
    for topic in (publish.TOPIC, fanout.TOPIC):
        notices(database).on(topic, lambda _: poller.within(0))
    poller.start()
