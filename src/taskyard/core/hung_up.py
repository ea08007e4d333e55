"""Whether PostgreSQL has hung up on a connection of the pool: seen at its socket.

SQLAlchemy's `pool_pre_ping` asks the server before each transaction, and a round trip is a turn in line under gevent. A
server that ends a connection says so; where nothing has come in, nobody is asked.
"""

import select
from typing import Any

from gevent import monkey
from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError

_poll: Any = monkey.get_original("select", "poll")  # it does not wait, so there is nothing to yield for


def watch(engine: Engine) -> None:
    """Replace connections that the server has ended when they are next used."""

    def check(connection: Any, _record: object, _proxy: object) -> None:
        if not has_spoken(connection):
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    event.listen(engine, "checkout", check)


def has_spoken(connection: Any) -> bool:
    """Whether the server has closed a connection of the driver's, or has said something though nobody asked."""
    if connection.closed:
        return True
    poll = _poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
