"""Writing many rows at once, the fastest way each database has, on a connection whose transaction is open.

SQLite takes them one by one through a prepared statement; PostgreSQL takes one array per column and one statement.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, compress
from typing import Any, TypeVar

from sqlalchemy import Connection, Dialect, LargeBinary, Table

from taskyard.core import driver_errors
from taskyard.core.lists import postgresql_array

V = TypeVar("V")


def alike(rows: Iterable[tuple[str, V]]) -> dict[V, list[str]]:
    """The ids of rows that are to get the same values: one statement does for all of them."""
    found: dict[V, list[str]] = {}
    for id_, values in rows:
        found.setdefault(values, []).append(id_)
    return found


class BulkInsert:
    """INSERT into these columns of a table; a row is a sequence of their values.

    With `new_only`, rows whose key is there already are left out.
    """

    def __init__(self, table: Table, *columns: str, new_only: bool = False) -> None:
        self._table = table
        self._ending = " ON CONFLICT DO NOTHING" if new_only else ""
        self._columns = [table.c[name] for name in columns]
        self._texts: dict[str, _Text] = {}  # by dialect

    def run(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
        text = self.text(connection.dialect)
        driver: Any = connection.connection.driver_connection
        rows = text.converted(rows)
        try:
            if text.by_column:
                driver.execute(text.sql, text.arrays(rows))
            else:
                driver.executemany(text.sql, rows)
        except Exception as error:
            raise driver_errors.told(error, text.sql, connection.dialect, driver) from error

    def text(self, dialect: Dialect) -> "_Text":
        """What it is in this dialect."""
        return self._texts.get(dialect.name) or self._texts.setdefault(dialect.name, self._text(dialect))

    def _text(self, dialect: Dialect) -> "_Text":
        prepare = dialect.identifier_preparer
        names = ", ".join(prepare.quote(column.name) for column in self._columns)
        into = f"INSERT INTO {prepare.format_table(self._table)} ({names})"
        kinds = [column.type.dialect_impl(dialect) for column in self._columns]
        converters = [(i, convert) for i, kind in enumerate(kinds) if (convert := kind.bind_processor(dialect))]
        if dialect.name == "postgresql":
            arrays = ", ".join(f"%s::{column.type.compile(dialect)}[]" for column in self._columns)
            plain = [not isinstance(kind, LargeBinary) for kind in kinds]
            return _Text(f"{into} SELECT * FROM unnest({arrays}){self._ending}", converters, plain)
        marks = ", ".join("?" for _ in self._columns)
        return _Text(f"{into} VALUES ({marks}){self._ending}", converters)


class _Text:
    """`plain`: of each column whether it is no bytes, where it takes arrays."""

    def __init__(self, sql: str, converters: list[tuple[int, Any]], plain: list[bool] | None = None) -> None:
        self.sql = sql
        self.by_column = plain is not None
        self._plain = plain or []
        self._converters = converters

    def converted(self, rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
        """The rows with their values as the driver takes them."""
        converted = [list(row) for row in rows]
        for row in converted:
            for index, convert in self._converters:
                row[index] = convert(row[index])
        return converted

    def arrays(self, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """The same, column by column."""
        columns = zip(self._plain, zip(*rows, strict=True), strict=True)
        return [postgresql_array(values) if plain else list(values) for plain, values in columns]


class GuardedInserts:
    """INSERTs that are one statement on PostgreSQL: all of them where a condition holds, and none where it does not."""

    def __init__(self, condition: str, *inserts: BulkInsert) -> None:
        self._condition = condition
        self._inserts = inserts
        self._texts: dict[tuple[bool, ...], str] = {}  # by which of the inserts have rows

    def run(self, connection: Connection, values: Sequence[Any], rows: Sequence[Sequence[Sequence[Any]]]) -> bool:
        """Whether it held. `values` are the condition's, in their order, and `rows` those of each insert."""
        some = tuple(map(bool, rows))
        texts = [one.text(connection.dialect) for one in compress(self._inserts, some)]
        text = self._texts.get(some) or self._texts.setdefault(some, self._text(texts))
        arrays = (one.arrays(one.converted(of)) for one, of in zip(texts, compress(rows, some), strict=True))
        return connection.exec_driver_sql(text, (*values, *chain(*arrays))).first() is not None

    def _text(self, inserts: Iterable["_Text"]) -> str:
        holds = f"holds AS MATERIALIZED (SELECT 1 WHERE {self._condition})"
        steps = (f"step_{i} AS ({one.sql} WHERE EXISTS (SELECT FROM holds))" for i, one in enumerate(inserts))
        return f"WITH {', '.join([holds, *steps])} SELECT FROM holds"
