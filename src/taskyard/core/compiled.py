"""A statement as text on a driver's connection, for the few that decide the speed of the whole.

It is written with SQLAlchemy Core like any other and compiled once per database; what is saved is what SQLAlchemy does
at each execution. Values come as the driver gives them: on SQLite moments and JSON are text.
"""

from collections import namedtuple
from typing import Any

from sqlalchemy import Select

from taskyard.core import driver, driver_errors
from taskyard.core.at_hand import at_hand
from taskyard.core.db import Database


class CompiledSelect:
    """A SELECT whose parameters are given by name; rows are named tuples with the names of its columns."""

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement
        self._row: Any = namedtuple("CompiledRow", statement.selected_columns.keys())  # type: ignore[misc]

    def all(self, database: Database, **parameters: Any) -> list[Any]:
        text = database.kept(self, lambda: _Text(self._statement, database))
        arguments = text.arguments(parameters)
        return [self._row._make(values) for values in text.rows(database, arguments)]


class _Text:
    """What a statement is on one database: its text, and how its parameters are handed over."""

    def __init__(self, statement: Select[Any], database: Database) -> None:
        dialect = database.read.dialect
        compiled = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}
        types = ((name, bind.type.dialect_impl(dialect)) for name, bind in compiled.binds.items())
        self._converters = {name: convert for name, kind in types if (convert := kind.bind_processor(dialect))}
        self._order = compiled.positiontup  # None where they are named

    def rows(self, database: Database, arguments: Any) -> list[tuple[Any, ...]]:
        if not database.is_sqlite:
            with at_hand(database).connection() as connection:
                return driver.rows(connection, self.sql, arguments)
        with database.sqlite_reader() as reader:
            try:
                found: list[tuple[Any, ...]] = reader.execute(self.sql, arguments).fetchall()
                return found
            except Exception as error:
                raise driver_errors.told(error, self.sql, database.read.dialect, reader) from error

    def arguments(self, parameters: dict[str, Any]) -> Any:
        values = self._constants | parameters
        for name in self._converters.keys() & parameters.keys():
            values[name] = self._converters[name](values[name])
        return values if self._order is None else [values[name] for name in self._order]
