"""Replays: events that an endpoint missed, or wants once more, as a durable job that the dispatcher does in slices.

Each slice moves the cursor in the transaction that makes the deliveries, so a replay goes on where it was. What it
makes waits in a lane of its own, behind first tries.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, exists, not_, or_, select, update

from taskyard.core import clock
from taskyard.core.db import AnyRow, db
from taskyard.core.errors import Conflict, NotFound
from taskyard.core.types import Instant
from taskyard.events.tables import event, pending_event
from taskyard.outbox import deliveries, fanout, filters, gates, service
from taskyard.outbox.models import Endpoint, Replay
from taskyard.outbox.tables import Kind, Status, delivery
from taskyard.users.actor import Actor

SLICE = 200  # events a transaction
EVERY_S = 1.0  # between two slices of one replay
MOST_OPEN = 10  # replays of one endpoint that run or are paused
_LIVE = ("running", "paused")

# The one that is due longest, so that a large one does not hold up the others.
_NEXT = (
    select(Replay.id, Replay.endpoint_id)
    .where(Replay.state == "running", Replay.next_at <= bindparam("now", type_=Instant))
    .order_by(Replay.next_at, Replay.id)
    .limit(1)
)
_STILL = (
    select(*Replay.__table__.c)
    .where(
        Replay.id == bindparam("of"),
        Replay.state == "running",
        Replay.next_at <= bindparam("now", type_=Instant),
    )
    .with_for_update(skip_locked=True)
)


def start(actor: Actor, endpoint_id: str, sent: dict[str, Any]) -> Replay:
    """Begin a replay.

    Raises:
        NotFound: there is no such endpoint, or it is not the actor's.
        Conflict: it has too many replays that have not ended.
    """
    endpoint = service.get(actor, endpoint_id, lock=True)
    live = select(Replay.id).where(Replay.endpoint_id == endpoint.id, Replay.state.in_(_LIVE)).limit(MOST_OPEN)
    if len(db.session.scalars(live).all()) == MOST_OPEN:
        raise Conflict(f"It has {MOST_OPEN} replays that have not ended. Cancel one, or wait.")
    now = clock.now()
    until = min(sent.pop("until", now), now)
    replay = Replay(endpoint_id=endpoint.id, until=until, **sent)
    db.session.add(replay)
    db.session.flush()
    return replay


def _seen_by(actor: Actor) -> Any:
    return select(Replay).where(Replay.endpoint_id.in_(service.seen_by(actor).with_only_columns(Endpoint.id)))


def get(actor: Actor, replay_id: str, *, lock: bool = False) -> Replay:
    """Raises:
    NotFound: there is no such replay, or its endpoint is not the actor's.
    """
    query = _seen_by(actor).where(Replay.id == replay_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found: Replay | None = db.session.scalar(query)
    if found is None:
        raise NotFound("There is no such replay.")
    return found


def page(actor: Actor, endpoint_id: str, query: dict[str, Any], before: str | None) -> list[Replay]:
    """An endpoint's replays, newest first, one more than `limit`."""
    endpoint = service.get(actor, endpoint_id)
    wanted = select(Replay).where(Replay.endpoint_id == endpoint.id).order_by(Replay.id.desc())
    if before is not None:
        wanted = wanted.where(Replay.id < before)
    return list(db.session.scalars(wanted.limit(query["limit"] + 1)))


def move(actor: Actor, replay_id: str, state: str, *, origins: tuple[str, ...]) -> Replay:
    """Pause, resume or cancel.

    Raises:
        Conflict: it is in none of the states this starts from.
    """
    replay = get(actor, replay_id, lock=True)
    if replay.state not in (*origins, state):
        raise Conflict(f"The replay is {replay.state}, so it cannot become {state}.")
    if replay.state != state:
        replay.state = state
        replay.next_at = clock.now()
        replay.finished_at = clock.now() if state == "cancelled" else None
        db.session.flush()
    return replay


def work(connection: Connection, now: datetime) -> int:
    """Do a slice of the replay that is due longest; how many events it looked at."""
    first = connection.execute(_NEXT, {"now": now}).first()
    if first is None or not gates.lock(connection, [first.endpoint_id]):
        return 0
    replay = connection.execute(_STILL, {"of": first.id, "now": now}).first()
    if replay is None:  # another dispatcher was faster
        return 0
    endpoint = connection.execute(select(*Endpoint.__table__.c).where(Endpoint.id == replay.endpoint_id)).one()
    size = max(min(SLICE, round(replay.rate_per_s * EVERY_S)), 1)
    rows = _events(connection, replay, endpoint, size)
    count = _deliver(connection, endpoint, [row for row in rows if _wanted(replay, endpoint, row)], replay.which, now)
    over = len(rows) < size
    cursor = {"after_at": rows[-1].created_at, "after_id": rows[-1].id} if rows else {}
    pause = timedelta(seconds=size / replay.rate_per_s)
    done = {"state": "done", "finished_at": now} if over else {"next_at": now + pause}
    progress = {"seen": replay.seen + len(rows), "replayed": replay.replayed + count}
    connection.execute(update(Replay).where(Replay.id == replay.id).values(**progress, **cursor, **done))
    return max(len(rows), 1)


def _events(connection: Connection, replay: AnyRow, endpoint: AnyRow, size: int) -> list[AnyRow]:
    """The next events after the cursor. What is still to be fanned out will come to the endpoint by itself."""
    wanted = select(event).where(event.c.created_at >= replay.since, event.c.created_at < replay.until)
    wanted = wanted.where(not_(exists().where(pending_event.c.event_id == event.c.id)))
    if not endpoint.every_owner:
        wanted = wanted.where(event.c.owner_id == endpoint.owner_id)
    if replay.after_id is not None:
        later = and_(event.c.created_at == replay.after_at, event.c.id > replay.after_id)
        wanted = wanted.where(event.c.created_at >= replay.after_at, or_(event.c.created_at > replay.after_at, later))
    return list(connection.execute(wanted.order_by(event.c.created_at, event.c.id).limit(size)))


def _wanted(replay: AnyRow, endpoint: AnyRow, row: AnyRow) -> bool:
    sent = fanout.shown(row)
    if sent["type"] == service.TEST or not filters.hears(endpoint.event_types, endpoint.filter, sent):
        return False
    return filters.hears(replay.event_types or ["*"], replay.filter, sent)


def _deliver(connection: Connection, endpoint: AnyRow, rows: list[AnyRow], which: str, now: datetime) -> int:
    """Make or open again a delivery of each of these events; how many."""
    if not rows:
        return 0
    of = (delivery.c.endpoint_id == endpoint.id, delivery.c.event_id.in_([row.id for row in rows]))
    known = {one.event_id: one for one in connection.execute(select(delivery).where(*of))}
    ended = [one.id for one in known.values() if which == "all" or one.status != Status.DELIVERED]
    opened = deliveries.again(connection, endpoint, ended, Kind.REPLAY) if ended else []
    new = [fanout.New(row.id, endpoint, None) for row in rows if row.id not in known]
    return len(opened) + len(fanout.add(connection, new, Kind.REPLAY, now))
