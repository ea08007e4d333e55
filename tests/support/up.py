"""`taskyard up` as a user runs it: one process that starts the others."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from support.server import OWN_VARIABLES, PROJECT, START_S, Service, answers, free_port

TASKYARD = [sys.executable, "-m", "taskyard"]


def bare_environment(**settings: str) -> dict[str, str]:
    """This environment without what would set Taskyard up."""
    found = {name: value for name, value in os.environ.items() if not name.startswith(OWN_VARIABLES)}
    return {**found, "PYTHONUNBUFFERED": "1", **settings}


def run_taskyard(*arguments: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself; its instance is in this folder."""
    env = bare_environment(**{"TASKYARD_INSTANCE": str(folder / "instance"), **settings})
    return subprocess.run(
        [*TASKYARD, *arguments], cwd=PROJECT, env=env, capture_output=True, text=True, timeout=30, check=False
    )


class Up(Service):
    """One `taskyard up` with a port of its own."""

    def __init__(self, folder: Path, argv: list[str] | None = None, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        env = {"PORT": str(self.port), "TASKYARD_INSTANCE": str(folder / "instance"), **settings}
        super().__init__(f"up-{self.port}", argv or [*TASKYARD, "up"], bare_environment(**env), folder)

    def wait_until_ready(self, within_s: float = START_S) -> None:
        """Until it answers /readyz.

        Raises:
            AssertionError: it ended, or is not ready in time; with its log.
        """
        give_up_at = time.monotonic() + within_s
        while not answers(f"{self.url}/readyz"):
            assert self.running, self.output()
            assert time.monotonic() < give_up_at, self.output()
            time.sleep(0.05)

    def child(self, name: str) -> psutil.Process:
        """The process that this one started under this name."""
        assert self.process is not None
        for process in psutil.Process(self.process.pid).children(recursive=True):
            if name in " ".join(process.cmdline()):
                return process
        raise AssertionError(f"no {name} among the processes:\n{self.output()}")


@contextmanager
def running_up(folder: Path, count: int = 1, **settings: str) -> Iterator[list[Up]]:
    """So many of them at once on one instance folder, ready, while the block runs."""
    ups = [Up(folder, **settings) for _ in range(count)]
    try:
        for up in ups:
            up.start()
        for up in ups:
            up.wait_until_ready()
        yield ups
    finally:
        for up in ups:
            up.stop()
            print(up.output())
