"""Writing many rows at once, the fastest way each database has, on a connection whose transaction is open.

SQLite takes them one by one through a prepared statement; PostgreSQL takes one array per column and one statement.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Dialect, LargeBinary, Table

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
        self._kinds: dict[str, list[_Kind]] = {}  # by dialect

    def run(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
        driver: Any = connection.connection.driver_connection
        dialect, columns = connection.dialect, self._converted(connection.dialect, rows)
        try:
            if dialect.name == "postgresql":
                text, values = self._selected(dialect, columns)
                driver.execute(text + self._ending, values)
            else:
                text = f"{self._into(dialect)} VALUES ({', '.join('?' for _ in columns)}){self._ending}"
                driver.executemany(text, zip(*columns, strict=True))
        except Exception as error:
            raise driver_errors.told(error, text, dialect, driver) from error

    def selected(self, dialect: Dialect, rows: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
        """The same as INSERT … SELECT of PostgreSQL, to which a condition may be added, and its parameters."""
        return self._selected(dialect, self._converted(dialect, rows))

    def _selected(self, dialect: Dialect, columns: list[Sequence[Any]]) -> tuple[str, list[Any]]:
        """What is the same in all rows is sent once, as most of a batch is."""
        alone = len(columns[0]) == 1
        same = [alone or len(set(map(id, values))) == 1 for values in columns]
        if not alone and all(same):
            same[0] = False
        of = list(zip(columns, self._of(dialect), same, strict=True))
        fields = (f"%s::{kind.name}" if once else f"new.c{i}" for i, (_, kind, once) in enumerate(of))
        text = f"{self._into(dialect)} SELECT {', '.join(fields)}"
        sent = [_plain(values[0]) for values, _, once in of if once]
        if not alone:
            arrays = ", ".join(f"%s::{kind.name}[]" for _, kind, once in of if not once)
            names = ", ".join(f"c{i}" for i, once in enumerate(same) if not once)
            text = f"{text} FROM unnest({arrays}) AS new ({names})"
            sent += [list(values) if kind.bytes else postgresql_array(values) for values, kind, once in of if not once]
        return text, sent

    def _into(self, dialect: Dialect) -> str:
        prepare = dialect.identifier_preparer
        names = ", ".join(prepare.quote(column.name) for column in self._columns)
        return f"INSERT INTO {prepare.format_table(self._table)} ({names})"

    def _converted(self, dialect: Dialect, rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
        """Column by column, as the driver takes them; a value that stands in many rows is converted once."""
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for index, kind in enumerate(self._of(dialect)):
            if (convert := kind.convert) is not None:
                known: dict[int, Any] = {}
                columns[index] = [
                    known[id(value)] if id(value) in known else known.setdefault(id(value), convert(value))
                    for value in columns[index]
                ]
        return columns

    def _of(self, dialect: Dialect) -> "list[_Kind]":
        found = self._kinds.get(dialect.name)
        if found is None:
            found = self._kinds[dialect.name] = [_Kind(column, dialect) for column in self._columns]
        return found


class _Kind:
    """What a database takes for a column."""

    def __init__(self, column: Column[Any], dialect: Dialect) -> None:
        kind = column.type.dialect_impl(dialect)
        self.name = column.type.compile(dialect)
        self.convert = kind.bind_processor(dialect)
        self.bytes = isinstance(kind, LargeBinary)


def _plain(value: Any) -> Any:
    """Numbers as text: the driver would give each its smallest type, and every mix of types is another statement."""
    return str(value) if type(value) is int else value


class GuardedInserts:
    """INSERTs that are one statement on PostgreSQL: all of them where a condition holds, and none where it does not."""

    def __init__(self, condition: str, *inserts: BulkInsert) -> None:
        self._holds = f"holds AS MATERIALIZED (SELECT 1 WHERE {condition})"
        self._inserts = inserts

    def run(self, connection: Connection, values: Sequence[Any], rows: Sequence[Sequence[Sequence[Any]]]) -> bool:
        """Whether it held. `values` are the condition's, in their order, and `rows` those of each insert."""
        steps, sent = [self._holds], list(values)
        for number, (insert, of) in enumerate(zip(self._inserts, rows, strict=True)):
            if of:
                text, parameters = insert.selected(connection.dialect, of)
                steps.append(f"step_{number} AS ({text} WHERE EXISTS (SELECT FROM holds))")
                sent += parameters
        found = connection.exec_driver_sql(f"WITH {', '.join(steps)} SELECT FROM holds", tuple(sent))
        return found.first() is not None
