"""Setting limits of queues and keys, at run time: what claims are under way end first, and the next ones see it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, exists, or_, select, text, update

from taskyard.core.db import AnyRow
from taskyard.core.types import Instant
from taskyard.queue import limits
from taskyard.queue.limit_tables import limit_key
from taskyard.queue.limits import COLUMNS
from taskyard.queue.tables import queue

NOTHING: dict[str, Any] = dict.fromkeys((*COLUMNS, "paused_at"))

_ADD_QUEUE = text(
    "INSERT INTO queue (name, version, created_at, updated_at) VALUES (:name, 0, :now, :now) ON CONFLICT DO NOTHING"
).bindparams(bindparam("now", type_=Instant))
_ADD_KEY = text(
    "INSERT INTO limit_key (queue, key, version, created_at, updated_at) VALUES (:name, :key, 0, :now, :now)"
    " ON CONFLICT DO NOTHING"
).bindparams(bindparam("now", type_=Instant))
_LOCK_QUEUE = select(queue.c.name).where(queue.c.name == bindparam("name")).with_for_update()
_LOCK_ROW = (
    select(limit_key)
    .where(limit_key.c.queue == bindparam("name"), limit_key.c.key == bindparam("key"))
    .with_for_update()
)
_set_keys = exists().where(
    and_(
        limit_key.c.queue == queue.c.name,
        limit_key.c.key != "",
        or_(*(limit_key.c[name].is_not(None) for name in NOTHING)),
    )
)
_LIMITED = (
    update(queue)
    .where(queue.c.name == bindparam("which"))
    .values(
        limited=or_(*(queue.c[prefix + name].is_not(None) for prefix in ("", "key_") for name in COLUMNS), _set_keys)
    )
)


def apply(connection: Connection, name: str, now: datetime) -> None:
    """Have the claims on this queue go by what was just set of it; its row is locked by whoever did."""
    connection.execute(_ADD_KEY, {"name": name, "key": "", "now": now})
    connection.execute(_LOCK_ROW, {"name": name, "key": ""})
    connection.execute(_LIMITED, {"which": name})
    limits.wake(connection, name, now)


def lock_key(connection: Connection, name: str, key: str, now: datetime) -> AnyRow:
    """The row of a key, made where there is none, locked together with its queue's."""
    connection.execute(_ADD_QUEUE, {"name": name, "now": now})
    connection.execute(_LOCK_QUEUE, {"name": name})
    for one in ("", key):
        connection.execute(_ADD_KEY, {"name": name, "key": one, "now": now})
        row = connection.execute(_LOCK_ROW, {"name": name, "key": one}).one()
    return row


def set_key(connection: Connection, name: str, key: str, now: datetime, **values: Any) -> None:
    """Set something of a key whose row `lock_key` has locked, and let what is parked of it be looked at."""
    which = update(limit_key).where(limit_key.c.queue == name, limit_key.c.key == key)
    changed = {"version": limit_key.c.version + 1, "updated_at": now, "wake_at": now}
    connection.execute(which.values(**changed, **values))
    connection.execute(_LIMITED, {"which": name})
