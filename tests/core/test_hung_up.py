"""Connections of the pool that PostgreSQL has ended are replaced before anybody meets one."""

import select
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from support.databases import hang_up
from support.yard import Yard
from taskyard.core import transaction
from taskyard.core.db import Database, open_database
from taskyard.queue.tables import task


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    found = open_database(url)
    yield found
    found.dispose()


def pooled(database: Database, count: int) -> list[int]:
    """The backends of so many connections for writing, all of which are back in the pool."""
    with ExitStack() as together:
        connections = [together.enter_context(transaction.own(database)) for _ in range(count)]
        return [connection.execute(text("SELECT pg_backend_pid()")).scalar_one() for connection in connections]


@pytest.mark.parametrize("count", [1, 3])
def test_the_next_transactions_work_at_the_first_try(url: str, database: Database, count: int) -> None:
    hang_up(url, pooled(database, count))
    yard = Yard(database)
    for _ in range(count):
        yard.add()
    assert yard.count(task) == count


def test_the_next_reads_work_at_the_first_try(url: str, database: Database) -> None:
    with database.read.connect() as connection:
        known = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    hang_up(url, [known])
    with database.read.connect() as connection:
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() != known


def test_a_connection_that_is_lost_within_a_transaction_is_told_as_lost(url: str, database: Database) -> None:
    def be_lost() -> None:
        with transaction.own(database) as connection:
            hang_up(url, [connection.execute(text("SELECT pg_backend_pid()")).scalar_one()])
            connection.execute(text("SELECT 1"))

    with pytest.raises(OperationalError):
        be_lost()


def test_transactions_at_the_same_time_work_at_the_first_try(url: str, database: Database) -> None:
    before = pooled(database, 3)
    hang_up(url, before)
    assert not set(pooled(database, 3)) & set(before)


def test_a_connection_that_was_told_something_and_lives_is_kept(url: str, database: Database) -> None:
    with transaction.own(database) as connection:
        connection.execute(text("LISTEN something"))
        driver: Any = connection.connection.driver_connection
    before = pooled(database, 1)
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("NOTIFY something")
    assert select.select([driver], [], [], 60)[0], "nothing came"
    assert pooled(database, 1) == before
