"""Connections at hand: the same again while nothing is wrong with it, and never one of a server that has hung up."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError

from support.databases import hang_up
from taskyard.core import at_hand as module
from taskyard.core import driver
from taskyard.core.at_hand import MOST, AtHand, at_hand
from taskyard.core.db import Database, open_database


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = open_database(url)
    yield opened
    opened.dispose()


@pytest.fixture
def kept(database: Database) -> AtHand:
    return at_hand(database)


def pid(connection: Connection) -> int:
    found: int = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    return found


def plans(connection: Connection) -> str:
    found: str = connection.execute(text("SHOW plan_cache_mode")).scalar_one()
    return found


def out(database: Database) -> int:
    """How many the pool has given away."""
    return database.read.pool.checkedout()  # type: ignore[attr-defined]  # that of a QueuePool


def test_one_is_used_again_and_two_at_once_are_two(database: Database, kept: AtHand) -> None:
    with kept.connection() as first, kept.connection() as second:
        both = {pid(first), pid(second)}
    assert len(both) == 2
    with kept.connection() as again:
        assert pid(again) in both
    assert out(database) == 2


def test_no_more_are_kept_than_leave_enough_for_others(database: Database, kept: AtHand) -> None:
    with ExitStack() as rush:
        for _ in range(MOST + 2):
            rush.enter_context(kept.connection())
        assert out(database) == MOST + 2
    assert out(database) == MOST


def test_what_is_left_of_sqlalchemys_transaction_ends_with_the_block(kept: AtHand) -> None:
    with kept.connection() as connection:
        pid(connection)
        assert connection.in_transaction()
    with kept.connection() as again:
        assert again is connection
        assert not again.in_transaction()


def test_after_an_error_the_pool_gets_it(database: Database, kept: AtHand) -> None:
    with pytest.raises(ZeroDivisionError), kept.connection():
        raise ZeroDivisionError
    assert out(database) == 0


def test_after_a_time_the_pool_gets_it_for_a_moment(
    database: Database, kept: AtHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_S", 0.0)
    with kept.connection() as first:
        pass
    with kept.connection() as second:
        assert second is not first
        assert out(database) == 1


def test_none_is_used_that_the_server_has_left(url: str, database: Database, kept: AtHand) -> None:
    with kept.connection() as first, kept.connection() as second:
        pids = [pid(first), pid(second)]
    hang_up(url, pids)
    with kept.connection() as first, kept.connection() as second:
        assert {pid(first), pid(second)}.isdisjoint(pids)
    assert out(database) == 2


def test_one_that_is_in_use_at_the_end_is_given_back_after_it(database: Database, kept: AtHand) -> None:
    with kept.connection():
        kept.close()
    assert out(database) == 0


def test_all_are_given_back_at_the_end(database: Database, kept: AtHand) -> None:
    with kept.connection():
        pass
    pool = database.read.pool
    database.dispose()
    assert pool.checkedout() == 0  # type: ignore[attr-defined]  # that of a QueuePool


def test_it_has_one_plan_for_all_values_until_the_pool_gets_it(database: Database, kept: AtHand) -> None:
    with kept.connection() as connection:
        backend = pid(connection)
        assert plans(connection) == "force_generic_plan"
    with pytest.raises(ZeroDivisionError), kept.connection():
        raise ZeroDivisionError
    with database.read.connect() as pooled:
        assert pid(pooled) == backend
        assert plans(pooled) == "auto"


def test_one_that_cannot_be_put_back_is_not_used_again(url: str, database: Database, kept: AtHand) -> None:
    with kept.connection() as connection:
        gone = pid(connection)
    hang_up(url, [gone])
    kept.close()
    with database.read.connect() as pooled:
        assert pid(pooled) != gone
        assert plans(pooled) == "auto"


def test_for_one_that_is_lost_no_other_is_opened(url: str, database: Database, kept: AtHand) -> None:
    opened: list[object] = []
    event.listen(database.read, "connect", lambda connection, _record: opened.append(connection))

    def lose(connection: Connection) -> None:
        hang_up(url, [row[0] for row in driver.rows(connection, "SELECT pg_backend_pid()", [])])
        driver.rows(connection, "SELECT 1", [])

    with kept.connection():
        pass
    with pytest.raises(DBAPIError), kept.connection() as connection:
        lose(connection)
    assert len(opened) == 1
