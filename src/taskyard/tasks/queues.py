"""What can be done with queues: everybody reads them, moderators and admins change them."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, func, insert, literal, select, update

from taskyard.core import clock, transaction
from taskyard.core.conflicts import naming_conflicts
from taskyard.core.db import database, db
from taskyard.core.errors import Fault, Invalid, Stale
from taskyard.queue import limit_settings, overview, purge, roll
from taskyard.queue.limits import Limits, limits_of
from taskyard.queue.overview import Depths, QueueState
from taskyard.queue.tables import queue
from taskyard.tasks import limit_keys
from taskyard.tasks.merge_patch import merged
from taskyard.tasks.queue_names import check
from taskyard.tasks.waiting import waiting
from taskyard.users.actor import Actor
from taskyard.users.models import Role

MOST_PURGED = 20 * purge.SLICE  # by one call, so that it is answered soon
MOST_WEIGHTS = 1000
NOBODY = "Work waits, and no worker has asked for this queue in the last minute."
ONLY_DRAINED = "Work waits, and only workers that are being drained ask for this queue. Start others, or resume one."


@dataclass(frozen=True, slots=True)
class Line:
    """A queue as it is at one moment, as QueueOut shows it. `depths` are there where one queue is asked for."""

    state: QueueState
    now: datetime
    last_asked_at: datetime | None
    drained_asked_at: datetime | None  # the same of workers that are to get nothing
    depths: Depths | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.depths if name in {"depth", "scheduled", "parked", "running"} else self.state, name)

    @property
    def age_s(self) -> float | None:
        since = self.state.oldest_ready_at
        return None if since is None else max(0.0, (self.now - since).total_seconds())

    @property
    def is_asked(self) -> bool:
        return roll.asks(self.last_asked_at, self.now)

    @property
    def warning(self) -> str | None:
        waits = self.state.in_line and self.state.paused_at is None
        if not waits or self.is_asked:
            return None
        return ONLY_DRAINED if roll.asks(self.drained_asked_at, self.now) else NOBODY


def page(query: dict[str, Any], after: str | None) -> list[Line]:
    """Queues by name, one more than `limit`: those of which something is set, or in which something waits or runs."""
    with database().read.connect() as connection:
        return _lines(connection, overview.page(connection, after or "", query["limit"] + 1))


def get(name: str) -> Line:
    """Raises:
    NotFound: no queue can have this name.
    """
    check(name)
    with database().read.connect() as connection:
        return _line(connection, name)


def _line(connection: Connection, name: str) -> Line:
    [line] = _lines(connection, [overview.one(connection, name)])
    return replace(line, depths=overview.depths(connection, name))


def _lines(connection: Connection, states: list[QueueState]) -> list[Line]:
    now = clock.now()
    asked, drained = roll.asked(connection, now), roll.asked(connection, now, draining=True)
    return [Line(state, now, asked.get(state.name), drained.get(state.name)) for state in states]


def configure(actor: Actor, name: str, version: int | None, sent: dict[str, Any]) -> Line:
    """Set limits and weights. `sent` is a loaded QueuePatch: what it leaves out stays as it is.

    Raises:
        Invalid: there would be too many weights.
    """
    actor.require(Role.MODERATOR)
    check(name)
    row = db.session.execute(select(queue).where(queue.c.name == name).with_for_update()).first()
    values: dict[str, Any] = {}
    for field, prefix in (("limits", ""), ("key_limits", "key_")):
        if field in sent:
            known = Limits() if row is None else limits_of(row, prefix)
            values |= {prefix + column: value for column, value in limit_keys.columns(known, sent[field]).items()}
    if "weights" in sent:
        known_weights = {} if row is None else row.weights or {}
        values |= {"weights": _weights(known_weights, sent["weights"]), "fair": True}
    _set(actor, name, version, **values)
    connection = db.session.connection()
    limit_settings.apply(connection, name, clock.now())
    transaction.afterwards(lambda: waiting(database()).wake_everywhere([name]))
    return _line(connection, name)


def _weights(known: dict[str, int], sent: dict[str, int | None] | None) -> dict[str, int] | None:
    weights: dict[str, int] | None = None if sent is None else merged(known, sent)
    if weights and len(weights) > MOST_WEIGHTS:
        raise Invalid([Fault(f"A queue has weights for {MOST_WEIGHTS} keys at most.", pointer="/weights")])
    return weights or None


def pause(actor: Actor, name: str, version: int | None) -> Line:
    """Let no worker have anything of it."""
    return _set(actor, name, version, paused_at=_since(queue.c.paused_at))


def resume(actor: Actor, name: str, version: int | None) -> Line:
    transaction.afterwards(lambda: waiting(database()).wake_everywhere([name]))
    return _set(actor, name, version, paused_at=None)


def drain(actor: Actor, name: str, version: int | None) -> Line:
    """Take no new tasks; what waits is still run."""
    return _set(actor, name, version, closed_at=_since(queue.c.closed_at))


def open_again(actor: Actor, name: str, version: int | None) -> Line:
    return _set(actor, name, version, closed_at=None)


def empty(actor: Actor, name: str, confirm: str) -> tuple[int, bool]:
    """Cancel what waits in it, slice by slice; how many that were, and whether something may be left.

    Raises:
        Invalid: `confirm` is not the queue's name.
    """
    actor.require(Role.MODERATOR)
    check(name)
    if confirm != name:
        raise Invalid([Fault("Send the queue's name, to say that you mean it.", pointer="/confirm")])
    done = 0
    while done < MOST_PURGED:
        with transaction.own(database()) as connection:
            slice_ = len(purge.cancel_waiting(connection, name, clock.now()))
        done += slice_
        if slice_ < purge.SLICE:
            return done, False
    return done, True


def _since(column: Column[datetime]) -> Any:
    """Now, unless it has been so for longer."""
    return func.coalesce(column, literal(clock.now(), column.type))


def _set(actor: Actor, name: str, version: int | None, **values: Any) -> Line:
    """Set something of a queue. One of which nothing was set yet has version 0.

    Raises:
        NotFound: no queue can have this name.
        Stale: it has another version.
        Conflict: somebody else sets something of it for the first time at this moment.
    """
    actor.require(Role.MODERATOR)
    check(name)
    now = clock.now()
    found = db.session.execute(select(queue.c.version).where(queue.c.name == name).with_for_update()).first()
    known = found.version if found is not None else 0
    if version is not None and version != known:
        raise Stale("The queue has another version by now. Read it again.")
    if found is None:
        with naming_conflicts(pk_queue="Somebody else is changing this queue just now. Try again."):
            db.session.execute(insert(queue).values(name=name, version=0, created_at=now, updated_at=now))
    changed = update(queue).where(queue.c.name == name)
    db.session.execute(changed.values(**values, version=queue.c.version + 1, updated_at=now))
    return _line(db.session.connection(), name)
