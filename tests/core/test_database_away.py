"""A database that is busy, full, read-only or away: 503 with Retry-After, and all is well once it is back."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from support.caller import Caller
from support.databases import SqliteFiles
from support.signals import until
from taskyard.core import sqlite
from taskyard.core.clock import FrozenClock
from taskyard.core.db import Database, open_database

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
connection.execute("COMMIT")
"""


class Holder:
    """Another process with SQLite's write lock."""

    def __init__(self, database: Database) -> None:
        path = str(database.write.url.database)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen([sys.executable, "-c", HOLD, path], text=True, **pipes)  # type: ignore[call-overload]
        assert self.process.stdout.readline() == "held\n"

    def release(self) -> None:
        self.process.communicate("\n", timeout=10)


@pytest.fixture
def sqlite_only(database: Database) -> None:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL has no lock on the whole database")


@pytest.fixture
def postgresql_only(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("a SQLite file has no server")


def test_a_new_file_is_opened_once_the_process_that_makes_it_lets_go(sqlite_files: SqliteFiles) -> None:
    opened = open_database(sqlite_files.empty())
    holder = Holder(opened)
    releaser = threading.Timer(0.3, holder.release)
    releaser.start()
    with opened.write.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
    releaser.join()
    opened.dispose()


@pytest.mark.usefixtures("sqlite_only")
def test_a_writer_waits_while_another_process_writes(alice: Caller, database: Database) -> None:
    holder = Holder(database)
    releaser = threading.Timer(0.3, holder.release)
    releaser.start()
    started = time.monotonic()
    assert alice.post("/v1/tasks", {"command": "c"}).status_code == 201
    assert time.monotonic() - started >= 0.25
    releaser.join()


@pytest.mark.usefixtures("sqlite_only")
def test_a_writer_that_waited_too_long_gets_503(
    alice: Caller, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = alice.post("/v1/tasks", {"command": "c"})
    monkeypatch.setattr(sqlite, "BUSY_RETRY_S", 0.1)
    holder = Holder(database)
    try:
        for answer in (
            alice.post("/v1/tasks", {"command": "c"}),
            alice.post("/v1/leases", {"queues": ["c"]}),
            alice.post(f"{task.headers['Location']}/cancel"),
        ):
            assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
            assert int(answer.headers["Retry-After"]) > 0
        assert alice.get(task.headers["Location"]).json == task.json, "readers are not kept waiting"
    finally:
        holder.release()
    assert alice.post(f"{task.headers['Location']}/cancel").status_code == 200


SQLITE_WAYS = {
    "full": ("PRAGMA max_page_count = 1", "PRAGMA max_page_count = 1073741823"),  # 1: as many as there are
    "read-only": ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
}


@pytest.fixture
def broken(request: pytest.FixtureRequest, database: Database) -> Iterator["Broken"]:
    """A database that can be broken in the way that the test names."""
    if request.param == "full" and not database.is_sqlite:
        pytest.skip("a full disk cannot be had from PostgreSQL without one: tests/e2e/test_a_full_disk.py")
    found = Broken(database, request.param)
    yield found
    found.mend()


class Broken:
    def __init__(self, database: Database, way: str) -> None:
        self._database, self.way = database, way

    def break_(self) -> None:
        """From now on it cannot be written."""
        if self._database.is_sqlite:
            tell(self._database, SQLITE_WAYS[self.way][0])  # the write engine's one connection, and so all writers
        else:
            self._read_only("on")

    def mend(self) -> None:
        if self._database.is_sqlite:
            tell(self._database, SQLITE_WAYS[self.way][1])
        else:
            self._read_only("off")

    def _read_only(self, what: str) -> None:
        name = self._database.write.url.database
        say = f"ALTER DATABASE {name} SET default_transaction_read_only = {what}"
        tell(self._database, "SET default_transaction_read_only = off", say)
        hang_up(self._database)  # it holds for new connections
        self._database.write.dispose()


def tell(database: Database, *statements: str) -> None:
    """Say this outside of any transaction."""
    connection = database.write.raw_connection()
    try:
        driver: Any = connection.driver_connection
        if not database.is_sqlite:
            driver.autocommit = True
        for statement in statements:
            driver.execute(statement)
        if not database.is_sqlite:
            driver.autocommit = False
    finally:
        connection.close()


@pytest.mark.parametrize("broken", ["read-only"], indirect=True)
def test_reading_goes_on_where_the_use_of_a_key_cannot_be_recorded(
    alice: Caller, time: FrozenClock, broken: Broken
) -> None:
    broken.break_()
    time.advance(120)
    assert alice.get("/v1/tasks").status_code == 200


def is_refused(who: Caller, path: str, sent: Any, headers: dict[str, str], way: str) -> bool:
    """Whether it is told why; where the connection was one from before, it is only away."""
    answer = who.post(path, sent, headers=headers)
    assert (answer.status_code, answer.content_type) == (503, "application/problem+json"), answer.text
    assert int(answer.headers["Retry-After"]) > 0
    return way in answer.json["detail"]


def is_done(who: Caller, path: str, sent: Any, headers: dict[str, str]) -> bool:
    """Whether that succeeds; where the connection was one from before, a repeat is asked for."""
    answer = who.post(path, sent, headers=headers)
    assert answer.status_code in {200, 201, 503}, answer.text
    return answer.status_code < 300


@pytest.mark.parametrize("broken", ["full", "read-only"], indirect=True)
def test_a_database_that_cannot_be_written_is_503_until_it_can(alice: Caller, broken: Broken) -> None:
    task = alice.post("/v1/tasks", {"command": "held"}).headers["Location"]
    [held] = alice.post("/v1/leases", {"queues": ["held"]}).json["leases"]
    big = "x" * 200_000
    settle = {"leases": [{"token": held["token"], "outcome": "succeeded", "result": big}]}
    deeds = [
        ("/v1/tasks", {"command": "c", "payload": big}, {}),
        ("/v1/tasks", {"command": "c", "payload": big}, {"Idempotency-Key": "k"}),
        ("/v1/tasks/batch", {"tasks": [{"command": "c", "payload": big}] * 2}, {}),
        ("/v1/leases/settle", settle, {}),
    ]
    broken.break_()
    for path, sent, headers in deeds:
        until(partial(is_refused, alice, path, sent, headers, broken.way))
    assert [one["status"] for one in alice.get("/v1/tasks").json["tasks"]] == ["running"]
    broken.mend()
    for path, sent, headers in deeds:
        until(partial(is_done, alice, path, sent, headers))
    assert alice.get(task).json["result"] == big
    assert len(alice.post("/v1/leases", {"queues": ["c"], "limit": 10}).json["leases"]) == 4


@pytest.mark.usefixtures("postgresql_only")
def test_a_database_that_was_restarted_is_found_again(alice: Caller, database: Database) -> None:
    task = alice.post("/v1/tasks", {"command": "c"}).headers["Location"]
    for path in (task, "/v1/tasks", f"{task}/attempts"):
        assert alice.get(path).status_code == 200
        hang_up(database)
        assert [alice.get(path).status_code for _ in range(3)][-1] == 200
    for _ in range(3):
        hang_up(database)
        statuses = [alice.post("/v1/tasks", {"command": "c"}).status_code for _ in range(3)]
        assert set(statuses) <= {201, 503}
        assert statuses[-1] == 201


@pytest.mark.usefixtures("postgresql_only")
def test_a_read_that_meets_a_closed_connection_is_never_a_500(alice: Caller, database: Database) -> None:
    task = alice.post("/v1/tasks", {"command": "c"}).headers["Location"]
    alice.get(task)
    hang_up(database)
    for path in (task, "/v1/tasks"):
        answer = alice.get(path)
        assert answer.status_code in {200, 503}
        if answer.status_code == 503:
            assert answer.headers["Retry-After"]


def hang_up(database: Database) -> None:
    """End every other connection, as a restart of the server does."""
    with database.write.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
