"""Many rows in one statement: what stands in all of them is sent to PostgreSQL once."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Integer, LargeBinary, MetaData, String, Table, select

from taskyard.core.bulk import BulkInsert, GuardedInserts
from taskyard.core.db import Database
from taskyard.core.types import Instant, Json

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
ONE = (7, "a", b"\0\xff", AT, {"x": [1]})
MADE = Table(
    "made",
    MetaData(),
    Column("number", Integer),
    Column("text", String(50)),
    Column("raw", LargeBinary),
    Column("at", Instant),
    Column("json", Json),
)
INSERT = BulkInsert(MADE, *MADE.c.keys())


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.write.connect() as opened:
        MADE.create(opened)
        yield opened
        opened.rollback()


def stored(connection: Connection) -> list[Any]:
    return sorted((tuple(row) for row in connection.execute(select(MADE))), key=str)


@pytest.mark.parametrize(
    "rows",
    [
        [ONE],
        [ONE] * 3,
        [ONE, (None, None, None, None, None)],
        [(None,) * 5] * 2,
        [(n, *ONE[1:]) for n in (-1, 0, 2**31 - 1)],
        [(7, text, *ONE[2:]) for text in ("é", '{"a",\\}', "NULL", "", "\n\t", "%s :x")],
        [(7, "a", raw, AT, None) for raw in (b"", b"\\x00", None)],
        [(7, "a", None, at, json) for at, json in ((AT, []), (None, {"é": "\u2028"}))],
        [(n, str(n), None, AT, None) for n in range(-2, 3)],
        [(n, str(n), None, AT, [n]) for n in (1, 2, 4, 4, 5)],
    ],
)
def test_rows_are_stored_as_they_are(connection: Connection, rows: list[tuple[Any, ...]]) -> None:
    INSERT.run(connection, rows)
    assert stored(connection) == sorted(rows, key=str)


def test_equal_values_that_are_written_differently_stay_so(connection: Connection) -> None:
    for values in ({"x": 1}, {"x": True}, {"x": 1.0}), (1, True, 1.0):
        INSERT.run(connection, [(7, "a", None, AT, json) for json in values])
    texts = connection.exec_driver_sql("SELECT json FROM made").scalars()
    assert set(texts) == {'{"x":1.0}', '{"x":1}', '{"x":true}', "1", "true", "1.0"}


def test_all_is_inserted_where_the_condition_holds_and_else_nothing(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        pytest.skip("SQLite is spoken to in the same process: one statement saves no way")
    both = GuardedInserts("%s < CAST(%s AS integer)", INSERT, BulkInsert(MADE, "number"), BulkInsert(MADE, "text"))
    rows = [[ONE, (8, *ONE[1:])], [], [("b",)]]
    assert not both.run(connection, (2, "1"), rows)
    assert stored(connection) == []
    assert both.run(connection, (1, "2"), rows)
    assert stored(connection) == sorted([*rows[0], (None, "b", None, None, None)], key=str)
    assert both.run(connection, (1, "2"), [[], [], []])
