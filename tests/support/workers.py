"""`taskyard work` as a process."""

import itertools
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from support.people import ALICE
from support.server import Server, Service

T = TypeVar("T")
_numbers = itertools.count()
# The command alone: `taskyard` itself imports the server too, which takes most of a second.
WORK = [sys.executable, "-c", "from taskyard.client.commands import work; work()"]


def start_work(server: Server, commands: dict[str, str], *options: str) -> Service:
    """A worker of Alice's that runs each command's tasks with its shell command."""
    runs = [part for name, command in commands.items() for part in ("--run", f"{name}={command}")]
    env = {**server.env, "TASKYARD_URL": server.url, "TASKYARD_TOKEN": ALICE.key}
    worker = Service(f"work-{next(_numbers)}", [*WORK, *runs, *options], env, server.folder)
    worker.start()
    return worker


def until(true: Callable[[], T], timeout_s: float = 10.0) -> T:
    """What `true` gives once that is something.

    Raises:
        AssertionError: it is nothing for too long.
    """
    give_up_at = time.monotonic() + timeout_s
    while not (found := true()):
        assert time.monotonic() < give_up_at, "it did not come true"
        time.sleep(0.02)
    return found
