"""A pooler between here and PostgreSQL that gives each transaction another of the server's connections.

PgBouncer follows prepared statements since 1.21. Where it does not (max_prepared_statements = 0) a statement is asked
for where nobody has prepared it; or where somebody else has prepared another under its name, which would be run in its
place. So no two connections use the same names, and once a statement is not found this process prepares no more.
"""

import random
import threading
from typing import Any

import structlog
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from taskyard.core.driver_errors import unprepared

log = structlog.get_logger("taskyard.database")
NAMES = 2**48  # the number in the first name that a connection gives is below it


def allow(*engines: Engine) -> None:
    """Let these engines of a process work through such a pooler as well."""
    strays = threading.Event()

    def connected(connection: Any, _record: object) -> None:
        connection._prepared._prepared_idx = random.randrange(NAMES)  # psycopg names them by this number, from 0 on
        if strays.is_set():
            connection.prepare_threshold = None

    def failed(context: ExceptionContext) -> None:
        if unprepared(context.original_exception):
            context.is_disconnect = True  # the pool's other connections have such statements, too

    def invalidated(_connection: object, _record: object, error: BaseException | None) -> None:
        if unprepared(error) and not strays.is_set():
            strays.set()
            log.warning("a pooler loses prepared statements: from now on none is prepared, which is slower")

    for engine in engines:
        event.listen(engine, "connect", connected)
        event.listen(engine, "handle_error", failed)
        event.listen(engine, "invalidate", invalidated)
