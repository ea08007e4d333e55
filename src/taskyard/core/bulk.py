"""Writing many rows at once, the fastest way each database has, on a connection whose transaction is open.

They are one INSERT … SELECT. What is the same in all rows, as most of a batch is, is one parameter; of the columns that
differ PostgreSQL takes an array each and SQLite one JSON text for all, which takes it half the time that rows one by
one do. What counts up, SQLite counts itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import orjson
from sqlalchemy import Column, Connection, Dialect, LargeBinary, Table

from taskyard.core import driver
from taskyard.core.lists import postgresql_array

V = TypeVar("V")
Selected = tuple[str, list[Any]]  # what is inserted, as text, and its parameters
_TRUE_TO_JSON = {str, int, bool, type(None)}
_PLAIN = {str, bytes, int, datetime, type(None)}  # equal ones are the same to a database


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
        self._ending = " WHERE true ON CONFLICT DO NOTHING" if new_only else ""
        self._columns = [table.c[name] for name in columns]
        self._kinds: dict[str, list[_Kind]] = {}  # by dialect
        self._intos: dict[str, str] = {}  # by dialect

    def run(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
        dialect, columns = connection.dialect, self._converted(connection.dialect, rows)
        select = self._from_arrays(dialect, columns) if dialect.name == "postgresql" else _from_json(columns)
        text, sent = select or (f"SELECT {', '.join('?' for _ in columns)}", None)
        text = f"{self._into(dialect)} {text}{self._ending}"
        if sent is not None:
            driver.execute(connection, text, sent)
            return
        with driver.own(connection, text) as its:
            its.executemany(text, zip(*(one.values for one in columns), strict=True))

    def on_postgresql(self, dialect: Dialect, rows: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
        """The statement, to which a condition may be added, and its parameters."""
        text, sent = self._from_arrays(dialect, self._converted(dialect, rows))
        return f"{self._into(dialect)} {text}", sent

    def _from_arrays(self, dialect: Dialect, columns: "list[_Column]") -> Selected:
        fields = (f"%s::{one.kind.name}" if one.once else f"new.c{i}" for i, one in enumerate(columns))
        text, sent = f"SELECT {', '.join(fields)}", [_plain(one.values[0]) for one in columns if one.once]
        if differ := [one for one in columns if not one.once]:
            arrays = ", ".join(f"%s::{one.kind.name}[]" for one in differ)
            names = ", ".join(f"c{i}" for i, one in enumerate(columns) if not one.once)
            text = f"{text} FROM unnest({arrays}) AS new ({names})"
            sent += [list(one.values) if one.kind.bytes else postgresql_array(one.values) for one in differ]
        return text, sent

    def _into(self, dialect: Dialect) -> str:
        found = self._intos.get(dialect.name)
        if found is None:
            prepare = dialect.identifier_preparer
            names = ", ".join(prepare.quote(column.name) for column in self._columns)
            found = self._intos[dialect.name] = f"INSERT INTO {prepare.format_table(self._table)} ({names})"
        return found

    def _converted(self, dialect: Dialect, rows: Sequence[Sequence[Any]]) -> "list[_Column]":
        """As the driver takes them. Of several rows one column at least is said to differ."""
        columns = [_column(*of) for of in zip(self._of(dialect), zip(*rows, strict=True), strict=True)]
        if len(rows) > 1 and all(one.once for one in columns):
            columns[0].once = False
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


@dataclass(slots=True, eq=False)
class _Column:
    """The values of all rows; `once`: one value stands in all of them."""

    kind: _Kind
    values: Sequence[Any]
    once: bool


def _column(kind: _Kind, values: Sequence[Any]) -> _Column:
    """A value that stands in many rows is converted once."""
    convert = kind.convert
    if convert is None:
        return _Column(kind, values, _alike(values))
    if _same(values):
        return _Column(kind, [convert(values[0])] * len(values), True)
    known: dict[int, Any] = {}
    converted = [
        known[id(value)] if id(value) in known else known.setdefault(id(value), convert(value)) for value in values
    ]
    return _Column(kind, converted, _alike(converted))


def _alike(values: Sequence[Any]) -> bool:
    """Whether they are all one, as the driver takes them: equal texts, say."""
    first = values[0]
    if type(first) not in _PLAIN:
        return _same(values)
    return bool(values[-1] == first) and values.count(first) == len(values)


def _same(values: Sequence[Any]) -> bool:
    """Whether they are one object: before they are converted equal ones may differ, as 1 and true do in JSON."""
    return len(set(map(id, values))) == 1


def _plain(value: Any) -> Any:
    """Numbers as text: the driver would give each its smallest type, and every mix of types is another statement."""
    return str(value) if type(value) is int else value


def _from_json(columns: "list[_Column]") -> Selected | None:
    """For SQLite; None: something would not come out of JSON as it went in."""
    differ = [one for one in columns if not one.once]
    listed = [one for one in differ if not _counts_up(one.values)] or differ
    if any(not _TRUE_TO_JSON.issuperset(map(type, one.values)) for one in listed):
        return None
    alone = len(listed) == 1  # SQLite reads plain values faster than lists of them
    fields, sent = [], []
    for one in columns:
        if one in listed:
            fields.append("value" if alone else f"json_extract(value, '$[{listed.index(one)}]')")
        else:
            fields.append("?" if one.once else "? + key")
            sent.append(one.values[0])
    text = f"SELECT {', '.join(fields)}"
    if not listed:
        return text, sent
    rows = listed[0].values if alone else zip(*(one.values for one in listed), strict=True)
    json = orjson.dumps(list(rows)).decode()
    return None if "\\u0000" in json else (f"{text} FROM json_each(?)", [*sent, json])


def _counts_up(values: Sequence[Any]) -> bool:
    """Whether these are whole numbers, each one more than the one before."""
    first, last = values[0], values[-1]
    if type(first) is not int or type(last) is not int or last - first != len(values) - 1:
        return False
    return tuple(values) == tuple(range(first, last + 1))


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
                text, parameters = insert.on_postgresql(connection.dialect, of)
                steps.append(f"step_{number} AS ({text} WHERE EXISTS (SELECT FROM holds))")
                sent += parameters
        return bool(driver.rows(connection, f"WITH {', '.join(steps)} SELECT 1 FROM holds", sent))
