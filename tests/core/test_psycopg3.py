"""Under gevent a wait for PostgreSQL holds up nobody else, told by a process that is patched as the web process is; and
statements that come again give what they should.
"""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from support.databases import Postgres
from taskyard.core.psycopg3 import MOST_CURSORS, Connection

PROGRAM = """
from gevent import monkey
monkey.patch_all()
import gevent
from sqlalchemy import text
from taskyard.core.db import open_database

database = open_database({url!r})
beats = []

def beat():
    while True:
        beats.append(1)
        gevent.sleep(0.005)

def ask(answer):
    with database.read.connect() as connection:
        query = text("SELECT CAST(:answer AS integer) FROM pg_sleep(0.5)")
        return connection.execute(query, {{"answer": answer}}).scalar_one()

beating = gevent.spawn(beat)
asked = [gevent.spawn(ask, number) for number in range(4)]
with gevent.Timeout(30):
    gevent.joinall(asked)
    print([one.value for one in asked], len(beats))

with database.read.connect() as connection:  # it answers when the server hangs up, too
    pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    waiting = gevent.spawn(connection.execute, text("SELECT pg_sleep(60)"))
    gevent.sleep(0.1)
    with database.write.begin() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid)"), {{"pid": pid}})
    with gevent.Timeout(30):
        waiting.join()
    print(type(waiting.exception).__name__)
"""


def test_others_go_on_while_postgresql_is_waited_for(postgres: Postgres) -> None:
    url = postgres.new()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(url=url)], capture_output=True, text=True, timeout=120, check=True
    )
    answers, error = done.stdout.strip().splitlines()
    numbers, _, beats = answers.rpartition(" ")
    assert numbers == "[0, 1, 2, 3]"
    assert int(beats) > 5  # one, where the first wait held up all
    assert error == "OperationalError"
    postgres.drop(url)


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    with Connection.connect(url, autocommit=True) as opened:
        yield opened


def test_a_statement_that_comes_again_keeps_its_cursor(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    cursor = connection.cursor
    monkeypatch.setattr(connection, "cursor", lambda: made.append(1) or cursor())
    for number in range(8):  # psycopg prepares it on the way
        statement = "".join(["SELECT n, %s::text FROM ", "generate_series(1, %s) AS n"])  # another object each time
        assert connection.rows(statement, [f"{number}", number]) == [(n, f"{number}") for n in range(1, number + 1)]
    assert len(made) == 1


def test_it_may_get_parameters_of_other_types(connection: Connection) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    sent = ["a", 1, 2**40, None, moment, [1], "b"]
    got = [connection.rows("SELECT coalesce(%(sent)s)", {"sent": value})[0][0] for value in sent]
    assert got == sent


def test_it_may_give_other_columns_once_the_table_has_changed(connection: Connection) -> None:
    connection.execute("CREATE TEMP TABLE t AS SELECT 1 AS a")
    assert connection.rows("SELECT * FROM t", []) == [(1,)]
    connection.execute("ALTER TABLE t ADD COLUMN b text DEFAULT 'x'")
    assert connection.rows("SELECT * FROM t", []) == [(1, "x")]


def test_it_is_asked_again_after_it_has_failed(connection: Connection) -> None:
    for _ in range(2):
        with pytest.raises(psycopg.errors.DivisionByZero):
            connection.rows("SELECT 1 / %s::int", [0])
        assert connection.rows("SELECT 1 / %s::int", [1]) == [(1,)]


def test_a_great_many_statements_are_not_all_remembered(connection: Connection) -> None:
    for number in range(2 * MOST_CURSORS + 1):
        assert connection.rows(f"SELECT {number}", []) == [(number,)]
    assert len(connection._again) <= MOST_CURSORS


def test_what_was_read_is_let_go(connection: Connection) -> None:
    [[text]] = connection.rows("SELECT repeat('x', 1000000)", [])
    assert len(text) == 1_000_000
    [(cursor, _)] = connection._again.values()
    assert cursor.pgresult.pgresult_ptr is None
