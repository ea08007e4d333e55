"""What rivals store their tasks in: each run gets one of its own, and counts in it how many tasks are done."""

import os
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg

from bench.databases import KEY, Source
from bench.servers import TASKYARD, free_port, serving

Count = Callable[[], int]
START_S = 10.0


@dataclass(frozen=True)
class Store:
    """`settings`: what a rival is told of it. `done`: how many results are stored."""

    settings: dict[str, str]
    done: Count


class Redis:
    """A connection that says just what is counted with."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._answers = self._socket.makefile("rb")

    def ask(self, command: str) -> int:
        self._socket.sendall(f"{command}\r\n".encode())
        answer = self._answers.readline()
        return int(answer[1:]) if answer.startswith(b":") else -1

    def close(self) -> None:
        self._answers.close()
        self._socket.close()


@contextmanager
def redis(folder: Path, fsync: str, done: Callable[[Redis], int]) -> Iterator[Store]:
    """A server with an append-only file, flushed `always` or `everysec`."""
    port = free_port()
    folder.mkdir()
    options = {"port": port, "bind": "127.0.0.1", "dir": folder, "appendonly": "yes", "appendfsync": fsync, "save": ""}
    command = ["redis-server", *(word for name, value in options.items() for word in (f"--{name}", str(value)))]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        with closing(_connect(port)) as connection:
            yield Store({"STORE_URL": f"redis://127.0.0.1:{port}/0"}, partial(done, connection))
    finally:
        process.terminate()
        process.wait()


def _connect(port: int) -> Redis:
    give_up_at = time.monotonic() + START_S
    while True:
        try:
            return Redis(port)
        except OSError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.05)


@contextmanager
def sqlite(folder: Path, query: str) -> Iterator[Store]:
    """A file."""
    folder.mkdir()
    path = folder / "store.db"

    def done() -> int:
        with closing(sqlite3.connect(path, timeout=5)) as connection:
            return int(connection.execute(query).fetchone()[0])

    yield Store({"STORE_URL": str(path)}, done)


@contextmanager
def postgresql(url: str, query: str) -> Iterator[Store]:
    """A database of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield Store({"STORE_URL": url}, partial(_ask, connection, query))


def _ask(connection: psycopg.Connection, query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


@contextmanager
def taskyard(databases: Source, folder: Path) -> Iterator[Store]:
    """One web worker on a migrated database that holds a caller and no tasks."""
    url = databases.new()
    query = "SELECT count(*) FROM task WHERE outcome = 'succeeded'"
    with serving(TASKYARD, url, folder) as server:
        settings = {"STORE_URL": server.url(""), "TASKYARD_TOKEN": KEY, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
        if url.startswith("sqlite"):
            with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=5)) as connection:
                yield Store(settings, lambda: int(connection.execute(query).fetchone()[0]))
        else:
            with psycopg.connect(url, autocommit=True) as reader:
                yield Store(settings, partial(_ask, reader, query))
