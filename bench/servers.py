"""The servers under test: how each is started, when it is ready, what CPU it has used, and its end."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent
START_S = 30.0


@dataclass(frozen=True)
class Contender:
    """One of those that are compared."""

    name: str
    app: str  # module:attribute
    taskyard: bool = False
    settings: tuple[tuple[str, str], ...] = ()  # environment variables of its own


TASKYARD = Contender("Taskyard", "wsgi:app", taskyard=True)
TASKYARD_IO = Contender("Taskyard", "bench.io_app:app", taskyard=True)
SYNC = Contender("FastAPI, sync", "bench.fastapi_twin.sync_app:app")
SYNC_IO = Contender(SYNC.name, SYNC.app, settings=(("TWIN_THREADS", "40"),))  # AnyIO's own number
ASYNC = Contender("FastAPI, async", "bench.fastapi_twin.async_app:app")


def command(contender: Contender, port: int, *, access_log: bool) -> list[str]:
    if contender.taskyard:
        return [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), contender.app]
    uvicorn = [sys.executable, "-m", "uvicorn", contender.app, "--host", "127.0.0.1", "--port", str(port)]
    logs = [] if access_log else ["--no-access-log", "--log-level", "warning"]
    return [*uvicorn, "--loop", "uvloop", "--http", "httptools", "--workers", "1", "--backlog", "4096", *logs]


def environment(url: str, port: int, folder: Path, *, access_log: bool) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": url,
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",  # what is measured is this checkout
        "TASKYARD_ACCESS_LOG": "1" if access_log else "0",
        "TASKYARD_BIND": f"127.0.0.1:{port}",
        "TASKYARD_INSTANCE": str(folder / "instance"),
        "WEB_CONCURRENCY": "1",
    }


class Server:
    """A running server of one worker."""

    def __init__(self, contender: Contender, database: str, port: int, process: "subprocess.Popen[bytes]") -> None:
        self.contender = contender
        self.database = database
        self.port = port
        self.process = psutil.Process(process.pid)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def cpu_s(self) -> float:
        return tree_cpu_s(self.process)


def tree_cpu_s(root: psutil.Process) -> float:
    """Seconds of CPU used so far by a process and its children, those that have ended included."""
    total = 0.0
    for process in [root, *root.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


@contextmanager
def serving(contender: Contender, url: str, folder: Path, *, access_log: bool = False) -> Iterator[Server]:
    """Start a server on a database, wait until it answers, and stop it afterwards.

    Raises:
        RuntimeError: it does not come up; the message holds what it printed.
    """
    port = free_port()
    log = folder / f"{contender.app.replace(':', '-')}-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(contender, port, access_log=access_log),
            cwd=ROOT,
            env={**environment(url, port, folder, access_log=access_log), **dict(contender.settings)},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        server = Server(contender, url, port, process)
        _wait_until_ready(server, process, log)
        yield server
    finally:
        _stop(process)


@contextmanager
def dispatching(
    url: str, port: int, folder: Path, settings: Sequence[tuple[str, str]] = (), module: str = "taskyard"
) -> Iterator[psutil.Process]:
    """Start Taskyard's dispatcher beside a web process on the same database, and stop it afterwards."""
    with (folder / "dispatcher.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module, "dispatcher"],
            cwd=ROOT,
            env={**environment(url, port, folder, access_log=False), **dict(settings)},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield psutil.Process(process.pid)
    finally:
        _stop(process)


def _wait_until_ready(server: Server, process: "subprocess.Popen[bytes]", log: Path) -> None:
    path = "/healthz" if server.contender.taskyard else "/openapi.json"
    give_up_at = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < give_up_at:
        try:
            with urllib.request.urlopen(server.url(path), timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{server.contender.name} did not start:\n{log.read_text()[-3000:]}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
