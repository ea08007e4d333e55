"""Connections that stay open are shared evenly among the web processes, whichever of them began first."""

import http.client
import signal
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest

from support.databases import SqliteFiles
from support.server import Server, running_server
from support.signals import until

pytestmark = pytest.mark.e2e
CALLERS = 12


class Callers:
    """Each keeps its connection, and connects anew where that was closed."""

    def __init__(self, port: int, number: int = CALLERS) -> None:
        self._connections = [http.client.HTTPConnection("127.0.0.1", port, timeout=30) for _ in range(number)]

    def ask(self) -> None:
        for connection in self._connections:
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


@pytest.fixture
def server(sqlite_files: SqliteFiles, tmp_path: Path) -> Iterator[Server]:
    url = sqlite_files.new()
    with running_server(url, tmp_path, WEB_CONCURRENCY="2") as running:
        with closing(Callers(running.port)) as callers:
            until(lambda: shared(running, callers))  # both have begun
        yield running
    sqlite_files.drop(url)


def processes(server: Server) -> list[psutil.Process]:
    """Those that serve, which gunicorn's master does not."""
    assert server.web.process is not None
    return psutil.Process(server.web.process.pid).children()


def held(server: Server, by: psutil.Process) -> int:
    with suppress(psutil.NoSuchProcess):
        open_ = [one for one in by.net_connections("tcp") if one.status == psutil.CONN_ESTABLISHED]
        return sum(one.laddr.port == server.port for one in open_)
    return 0


def shared(server: Server, callers: Callers) -> bool:
    """Whether each of two processes holds about as many, now that all have asked once more."""
    callers.ask()
    counts = [held(server, by) for by in processes(server)]
    return len(counts) == 2 and sum(counts) == CALLERS and abs(counts[0] - counts[1]) <= 1


def test_whoever_was_there_first_does_not_keep_all(server: Server) -> None:
    first, second = processes(server)
    with closing(Callers(server.port)) as callers:
        second.send_signal(signal.SIGSTOP)
        callers.ask()  # those who can, answer: nobody waits for the other for long
        assert held(server, second) == 0
        assert held(server, first) >= CALLERS - 2, "all but one or two that were asked to connect anew just now"
        second.send_signal(signal.SIGCONT)
        until(lambda: shared(server, callers))

        first.kill()
        until(lambda: not first.is_running())
        callers.close()  # what they have of the dead one is broken
        until(lambda: shared(server, callers))
