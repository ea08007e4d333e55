"""A list as one parameter of a statement, which so has the same text for lists of every length.

And the list that a subquery makes, for PostgreSQL: a plan that was made while a table was empty may read all of it for
a join, and is kept when it is so no longer. For a list it looks up each of its items.
"""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Boolean, ColumnElement, Dialect, Select, String, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator


def postgresql_array(values: Sequence[Any]) -> Any:
    """The parameter for `CAST(:values AS <type>[])`: strings, whole numbers, booleans or moments, and None.

    Written by orjson, as psycopg does it in Python, value by value. An array's text (PostgreSQL's manual, 8.15.6) is
    JSON's but for its brackets and the escapes of control characters.
    """
    listed = list(values)
    if "".join([one for one in listed if isinstance(one, str)]).isprintable():
        return f"{{{orjson.dumps(listed)[1:-1].decode()}}}"
    return listed


class _Listed(TypeDecorator[list[str]]):
    """Texts: JSON for SQLite, an array for PostgreSQL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return postgresql_array(value) if dialect.name == "postgresql" else orjson.dumps(list(value)).decode()


class _Keys(TypeDecorator[list[str]]):
    """Texts: JSON for SQLite, the keys of an object for PostgreSQL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return orjson.dumps(dict.fromkeys(value) if dialect.name == "postgresql" else list(value)).decode()


class _Condition(FunctionElement[bool]):
    inherit_cache = True
    type = Boolean()

    def self_group(self, against: Any = None) -> Any:
        return self  # SQLAlchemy would write `… = 1` for SQLite, which then reads the whole table


class Among(_Condition):
    """Whether a column of text or ids is one of the list that is bound to a name."""

    inherit_cache = True


def among(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return Among(column, bindparam(name, type_=_Listed))


class Keyed(_Condition):
    """The same of a text that no index is on: PostgreSQL would go through the whole array for each row."""

    inherit_cache = True


def keyed(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return Keyed(column, bindparam(name, type_=_Keys))


class Within(_Condition):
    """Whether a column is one of what a subquery gives."""

    inherit_cache = True


def within(column: ColumnElement[Any], query: Select[Any]) -> ColumnElement[bool]:
    return Within(column, query.scalar_subquery())


@compiles(Within, "sqlite")
def _sqlite_within(element: Within, compiler: SQLCompiler, **kwargs: Any) -> str:
    column, query = (compiler.process(one, **kwargs) for one in element.clauses)
    return f"{column} IN {query}"


@compiles(Within, "postgresql")
def _postgresql_within(element: Within, compiler: SQLCompiler, **kwargs: Any) -> str:
    column, query = (compiler.process(one, **kwargs) for one in element.clauses)
    return f"{column} = ANY (ARRAY{query})"


@compiles(Among, "sqlite")
@compiles(Keyed, "sqlite")
def _sqlite(element: Among | Keyed, compiler: SQLCompiler, **kwargs: Any) -> str:
    column, values = (compiler.process(one, **kwargs) for one in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"


@compiles(Keyed, "postgresql")
def _postgresql_keyed(element: Keyed, compiler: SQLCompiler, **kwargs: Any) -> str:
    column, values = (compiler.process(one, **kwargs) for one in element.clauses)
    return f"jsonb_exists((SELECT CAST({values} AS jsonb)), {column})"  # in a subquery it is read once


@compiles(Among, "postgresql")
def _postgresql(element: Among, compiler: SQLCompiler, **kwargs: Any) -> str:
    column, values = (compiler.process(one, **kwargs) for one in element.clauses)
    kind = "text" if isinstance(next(iter(element.clauses)).type, String) else "uuid"
    return f"{column} = ANY (CAST({values} AS {kind}[]))"
