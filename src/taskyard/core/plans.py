"""The plans that PostgreSQL keeps of prepared statements, forgotten now and then.

A plan is kept until its tables are analysed, which is once a minute at best. One that was made while they were empty
may read all of what has come in since: the hot path's statements are written so that it cannot (core/lists.py), and
all others are planned anew after some seconds.
"""

import time
from typing import Any

from sqlalchemy import Engine, event
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
