"""Prepared statements behind a pooler that gives each transaction another connection of the server's.

What such a one does to them is done here by hand: they are taken away behind the driver's back.
"""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from support.databases import Postgres
from taskyard.core import driver
from taskyard.core.db import Database, open_database
from taskyard.core.driver_errors import passes

TIMES = 7  # psycopg prepares what comes for the sixth time
NAMES = text("SELECT name FROM pg_prepared_statements")
Ask = Callable[[Connection], int]


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Database]:
    url = postgres.empty()
    found = open_database(url)
    yield found
    found.dispose()
    postgres.drop(url)


def by_sqlalchemy(connection: Connection) -> int:
    found: int = connection.execute(text("SELECT CAST(:number AS integer)"), {"number": 42}).scalar_one()
    return found


def by_the_driver(connection: Connection) -> int:
    [(found,)] = driver.rows(connection, "SELECT CAST(%s AS integer)", [42])
    return int(found)


def asked(engine: Engine, ask: Ask) -> set[str]:
    """Ask so often that it is prepared, on one connection; the names of what that has prepared."""
    with engine.begin() as connection:  # a rollback would let psycopg forget them
        assert [ask(connection) for _ in range(TIMES)] == [42] * TIMES
        return set(connection.execute(NAMES).scalars())


def take_away(engine: Engine) -> None:
    with engine.connect() as connection:
        found = connection.connection.driver_connection
        assert found is not None
        found.pgconn.exec_(b"DEALLOCATE ALL")


@pytest.mark.parametrize("ask", [by_sqlalchemy, by_the_driver])
def test_two_connections_never_use_the_same_name(database: Database, ask: Ask) -> None:
    one, other = asked(database.read, ask), asked(database.write, ask)
    assert one
    assert other
    assert not one & other


@pytest.mark.parametrize("ask", [by_sqlalchemy, by_the_driver])
@pytest.mark.parametrize("kind", ["read", "write"])
def test_once_one_is_not_found_no_more_are_prepared(database: Database, kind: str, ask: Ask) -> None:
    engine = {"read": database.read, "write": database.write}[kind]
    assert asked(engine, ask)
    take_away(engine)
    with pytest.raises(DBAPIError) as caught, engine.connect() as connection:
        ask(connection)
    assert passes(caught.value)
    assert [asked(engine, ask) for _ in range(2)] == [set(), set()]
