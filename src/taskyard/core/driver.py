"""The driver's own connection, for the few statements that decide the speed of the whole: on its way through SQLAlchemy
one takes two thirds as long again, or more.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from taskyard.core import driver_errors


@contextmanager
def own(connection: Connection, sql: str) -> Iterator[Any]:
    """It, for this statement.

    Raises:
        DBAPIError: what goes wrong within the block, as SQLAlchemy tells it.
    """
    driver = connection.connection.driver_connection
    try:
        yield driver
    except Exception as error:
        told = driver_errors.told(error, sql, connection.dialect, driver)
        if isinstance(told, DBAPIError) and told.connection_invalidated:
            connection.invalidate(error)
            connection.engine.dispose()  # what hung up on one has hung up on all
        raise told from error


def execute(connection: Connection, sql: str, parameters: Any) -> Any:
    """The driver's cursor after a statement.

    Raises:
        DBAPIError: as above.
    """
    with own(connection, sql) as driver:
        return driver.execute(sql, parameters)


def rows(connection: Connection, sql: str, parameters: Mapping[str, Any] | Sequence[Any]) -> list[tuple[Any, ...]]:
    """What a statement in psycopg's style gives on PostgreSQL, as psycopg gives it.

    Raises:
        DBAPIError: as above.
    """
    with own(connection, sql) as driver:
        found: list[tuple[Any, ...]] = driver.rows(sql, parameters)
        return found
