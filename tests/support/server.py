"""The real server for end-to-end tests: gunicorn with the project's own settings and the dispatcher, as processes."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.forks import Fork

PROJECT = Path(__file__).parents[2]
START_S = 60.0
STOP_S = 40.0  # a writer may queue for 10 s twice: for the connection, then for the lock
OWN_VARIABLES = ("TASKYARD_", "DATABASE_URL", "PORT", "WEB_CONCURRENCY", "GUNICORN_")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def answers(url: str) -> bool:
    """Whether a GET of this is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        pass  # nobody listens yet
    return False


class Service:
    """One process of ours in a group of its own, writing to a log file; it can be started again after its end."""

    def __init__(self, name: str, argv: list[str], env: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.argv = argv
        self.env = dict(env)
        self.log = folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | Fork | None = None

    def start(self, cwd: Path = PROJECT) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.argv,
                cwd=cwd,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, timeout_s: float = STOP_S) -> int:
        assert self.process is not None
        return self.process.wait(timeout_s)

    def stop(self) -> int | None:
        """End it as an operator does (SIGTERM), by force where that takes too long. Returns its exit code."""
        if self.process is None:
            return None
        if self.running:
            self.signal(signal.SIGTERM)
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode

    def kill(self) -> None:
        """End it and its children at once, as a power cut does."""
        if self.process is not None and self.running:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.wait()

    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Dispatcher(Service):
    """`taskyard dispatcher`, started at once."""

    def __init__(self, env: Mapping[str, str], folder: Path, name: str = "dispatcher") -> None:
        super().__init__(name, ["dispatcher"], env, folder)

    def start(self, cwd: Path = PROJECT) -> None:
        self.process = Fork(self.argv, cwd, self.env, self.log)

    def kill(self) -> None:
        """It has no children, and its group is there a moment after it."""
        if self.running:
            self.signal(signal.SIGKILL)
            self.wait()


class Server:
    """web and dispatcher on one database. `start` returns when it is ready; `url` stays the same over restarts."""

    def __init__(self, database_url: str, folder: Path, **settings: str) -> None:
        self.database_url = database_url
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(OWN_VARIABLES)},
            "DATABASE_URL": database_url,
            "TASKYARD_INSTANCE": str(folder),
            "TASKYARD_SECRET_KEY": "a secret for end-to-end tests, long enough",
            "TASKYARD_BIND": f"127.0.0.1:{self.port}",
            "PYTHONUNBUFFERED": "1",
            **settings,
        }
        self.web = Service("web", [sys.executable, "-m", "gunicorn", "wsgi:app"], self.env, folder)
        self.dispatcher = Dispatcher(self.env, folder)

    def start(self) -> None:
        self.web.start()
        self.dispatcher.start()
        self.wait_until_ready()

    def stop(self) -> None:
        for service in (self.dispatcher, self.web):
            service.stop()

    def kill(self) -> None:
        for service in (self.dispatcher, self.web):
            service.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def wait_until_ready(self) -> None:
        """Until /readyz says so.

        Raises:
            AssertionError: the web process ended, or is not ready in time; with its log.
        """
        give_up_at = time.monotonic() + START_S
        while not self.is_ready():
            assert self.web.running, f"web ended:\n{self.web.output()}"
            assert time.monotonic() < give_up_at, f"web is not ready:\n{self.web.output()}"
            time.sleep(0.02)

    def is_ready(self) -> bool:
        return answers(f"{self.url}/readyz")

    def logs(self) -> str:
        return "\n".join(f"--- {one.name}\n{one.output()}" for one in (self.web, self.dispatcher))


def taskyard() -> list[str]:
    """The `taskyard` command of this Python."""
    return [sys.executable, "-c", "from taskyard.cli import main; main()"]


@contextmanager
def running_server(database_url: str, folder: Path, **settings: str) -> Iterator[Server]:
    """A server on this database while the block runs; what it logged is printed, which pytest shows on failure."""
    server = Server(database_url, folder, **settings)
    try:
        server.start()
        yield server
    finally:
        server.kill()  # a graceful stop takes seconds, and has a test of its own
        print(server.logs())


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[Server]:
    """A server of this test's own, which it may stop, kill and restart; the cast is in its database."""
    with running_server(database_url, tmp_path) as running:
        yield running


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def shared_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all tests that leave it running: use queues and commands of your own."""
    databases = request.getfixturevalue("sqlite_files" if request.param == "sqlite" else "postgres")
    url = databases.new()
    with running_server(url, tmp_path_factory.mktemp("server")) as running:
        yield running
    databases.drop(url)
