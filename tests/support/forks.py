"""Processes of `taskyard` that need not import it anew: forks of one that has, and that has no threads.

Of the second and a half in which a dispatcher starts, nearly all goes to imports, and the tests start a hundred.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing import get_context
from pathlib import Path

from taskyard.cli import main

FORKING = get_context("forkserver")
FORKING.set_forkserver_preload(["taskyard.cli.processes"])


class Fork:
    """What `subprocess.Popen` of these arguments of `taskyard` would be, as far as Service asks."""

    def __init__(self, arguments: list[str], cwd: Path, env: Mapping[str, str], log: Path) -> None:
        self._process = FORKING.Process(target=_run, args=(arguments, str(cwd), dict(env), str(log)))
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(["taskyard"], timeout or 0)
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def _run(arguments: list[str], cwd: str, env: dict[str, str], log: str) -> None:
    os.setsid()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    written = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for stream in (1, 2):
        os.dup2(written, stream)
    sys.stdout, sys.stderr = (os.fdopen(stream, "w", buffering=1) for stream in (1, 2))
    main(arguments, prog_name="taskyard")
