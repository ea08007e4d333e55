"""`taskyard work` as a process."""

import itertools
import sys

from support.people import ALICE
from support.server import Server, Service

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
