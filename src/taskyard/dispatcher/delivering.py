"""The lines of the outbox, in an event loop of their own thread."""

import asyncio
import threading
from functools import partial

import structlog

from taskyard.core.db import Database
from taskyard.egress.policy import Rules
from taskyard.egress.sender import Sender
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
        line = Line(database, partial(post, send=sender.send))
        lines = asyncio.gather(line.run(stopped), FanOut(database, line.wake).run(stopped))
        while not stop.is_set() and not lines.done():
            await asyncio.wait([lines], timeout=LOOK_S)
        stopped.set()
        await lines
