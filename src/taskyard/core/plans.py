"""The plans that PostgreSQL keeps of prepared statements, forgotten now and then.

A plan is kept until its tables are analysed, which is once a minute at best. One that was made while they were empty
may read all of what has come in since: the hot path's statements are written so that it cannot (core/lists.py), and
all others are planned anew after some seconds.

The other way round, it plans a statement each time where it expects much less of a plan for the very values than of one
for all. It knows no LIMIT of the latter, and so takes it for dear, though for the hot path it is the same plan.
"""

import time
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import InvalidatePoolError

KEPT_S = 10.0
_SINCE = "plans kept since"


def renew(engine: Engine) -> None:
    """Forget the plans of a connection that is used again after KEPT_S."""

    def check(connection: Any, record: Any, _proxy: object) -> None:
        now = time.monotonic()
        if now - record.info.setdefault(_SINCE, now) < KEPT_S:
            return
        record.info[_SINCE] = now
        try:
            connection.execute("DISCARD PLANS")
            connection.rollback()
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    event.listen(engine, "checkout", check)


def one_for_all_values(connection: Connection) -> None:
    """Let each of its statements have one plan, until `as_usual`."""
    connection.exec_driver_sql("SET plan_cache_mode = force_generic_plan")


def one_for_all_values_here(connection: Connection) -> None:
    """The same for the rest of its transaction."""
    connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")


def as_usual(connection: Connection) -> None:
    """Let PostgreSQL choose again."""
    connection.exec_driver_sql("RESET plan_cache_mode")
