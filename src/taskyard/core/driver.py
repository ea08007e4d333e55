"""Statements on the driver's own connection, for the few that decide the speed of the whole: on its way through
SQLAlchemy one takes nearly as long as in the driver.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from taskyard.core import driver_errors


def rows(connection: Connection, sql: str, parameters: Mapping[str, Any] | Sequence[Any]) -> list[tuple[Any, ...]]:
    """What a statement in the driver's own style gives, as the driver gives it.

    Raises:
        DBAPIError: as SQLAlchemy tells it.
    """
    driver: Any = connection.connection.driver_connection
    try:
        found: list[tuple[Any, ...]] = driver.execute(sql, parameters).fetchall()
    except Exception as error:
        told = driver_errors.told(error, sql, connection.dialect, driver)
        if isinstance(told, DBAPIError) and told.connection_invalidated:
            connection.invalidate()
            connection.engine.dispose()  # what hung up on one has hung up on all
        raise told from error
    return found
