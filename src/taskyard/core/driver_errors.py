"""What goes wrong on a driver's own connection, told as SQLAlchemy tells it: one table turns that into answers."""

from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.exc import DBAPIError


def told(error: Exception, sql: str, dialect: Dialect, connection: Any) -> Exception:
    """The error to raise instead; one that is not the driver's stays as it is."""
    driver: Any = dialect.loaded_dbapi
    if not isinstance(error, driver.Error):
        return error
    lost = dialect.is_disconnect(error, connection, None)
    known: Exception = DBAPIError.instance(
        sql, None, error, driver.Error, hide_parameters=True, connection_invalidated=lost, dialect=dialect
    )
    return known
