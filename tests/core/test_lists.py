"""Lists as one parameter: what goes in comes out, and an index finds it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Connection, Engine, create_engine, select, text

from taskyard.core.db import normalise
from taskyard.core.lists import among, keyed, postgresql_array
from taskyard.queue.tables import lease
from taskyard.queue.tokens import HELD

TEXTS = ["", "a", "NULL", "null", "{}", "a,b", '"', "\\", '\\"', "\\n", "a\nb", "\x01\x7f", "ä€😀", "\u2028", " ", None]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(normalise(database_url))
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        yield connection


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("text", TEXTS),
        *(("text", [one]) for one in TEXTS),
        ("text", []),
        ("integer", [0, -1, 2**31 - 1, None]),
        ("bigint", [2**63 - 1, -(2**63)]),
        ("boolean", [True, False, None]),
        ("timestamptz", [datetime(2030, 1, 2, 3, 4, 5, 678901, UTC), datetime(1970, 1, 1, tzinfo=UTC), None]),
    ],
)
def test_postgresql_reads_an_array_as_it_was_given(connection: Connection, kind: str, values: list[Any]) -> None:
    if connection.dialect.name != "postgresql":
        pytest.skip("SQLite has no arrays")
    found = connection.execute(
        text(f"SELECT value FROM unnest(CAST(:given AS {kind}[])) WITH ORDINALITY AS a (value, n) ORDER BY n"),
        {"given": postgresql_array(values)},
    )
    assert list(found.scalars()) == values


@pytest.mark.parametrize("condition", [among, keyed])
@pytest.mark.parametrize("names", [["a"], ["a", "b'\"\\", "c\n"], ["a", "a"], [], ["nobody"]])
def test_a_row_is_among_the_list_or_not(
    connection: Connection, names: list[str], condition: Callable[[ColumnElement[Any], str], ColumnElement[bool]]
) -> None:
    rows = text("SELECT id FROM (SELECT 'a' AS id UNION ALL SELECT :b UNION ALL SELECT :c) AS few").columns(
        id=lease.c.token.type
    )
    some = rows.bindparams(b="b'\"\\", c="c\n").subquery()
    found = connection.execute(select(some.c.id).where(condition(some.c.id, "names")), {"names": names}).scalars()
    assert sorted(found) == sorted(set(names) - {"nobody"})


def test_postgresql_reads_a_list_of_keys_once_and_not_for_each_row(connection: Connection) -> None:
    if connection.dialect.name != "postgresql":
        pytest.skip("SQLite makes a table of the list")
    wanted = select(lease.c.task_id).where(*HELD).compile(connection)
    given = wanted.construct_params({"ids": "{}", "tokens": "{}"})
    plan = connection.exec_driver_sql(f"EXPLAIN {wanted}", given).scalars().all()
    assert any("InitPlan" in line for line in plan), plan
    assert not any("jsonb_exists" in line and "::jsonb" in line for line in plan), plan


def test_an_index_finds_the_rows_of_a_list(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        pytest.skip("the plan is told in other words")
    wanted = select(lease.c.token).where(among(lease.c.task_id, "ids")).compile(connection)
    plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {wanted}", ("[]",)).all()
    assert any("SEARCH lease USING INDEX" in row[3] for row in plan), plan
