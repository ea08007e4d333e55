"""What can be done with endpoints, and by whom: a user's own, a moderator's all."""

from typing import Any

import orjson
from sqlalchemy import Select, delete, insert, select, update

from taskyard.core import clock
from taskyard.core.db import AnyRow, db
from taskyard.core.errors import Conflict, Forbidden, NotFound, Stale
from taskyard.egress.policy import Rules
from taskyard.events import publish
from taskyard.events.publish import Happened
from taskyard.events.tables import EVERYONE, pending_event, subscription
from taskyard.outbox import fanout, gates, secrets, urls
from taskyard.outbox.models import Endpoint, Replay
from taskyard.outbox.tables import Kind, gate
from taskyard.users.actor import Actor
from taskyard.users.models import Role

MOST = 1000  # endpoints of one owner: an event is held against each of them
TEST = "endpoint.test"


def seen_by(actor: Actor) -> Select[Endpoint]:
    query = select(Endpoint).where(Endpoint.deleted_at.is_(None))
    return query if actor.sees_all_tasks else query.where(Endpoint.owner_id == actor.user_id)


def get(actor: Actor, endpoint_id: str, *, version: int | None = None, lock: bool = False) -> Endpoint:
    """An endpoint; with `lock` as it is now that nobody else can change it.

    Raises:
        NotFound: there is no such endpoint, or it is not the actor's.
        Stale: it has another version than the one given.
    """
    query = seen_by(actor).where(Endpoint.id == endpoint_id)
    found = db.session.scalar(query)
    if found is not None and lock:
        db.session.info["writing"] = True
        gates.lock(db.session.connection(), [endpoint_id])  # before the row, as those who settle do
        found = db.session.scalar(query.with_for_update().execution_options(populate_existing=True))
    if found is None:
        raise NotFound("There is no such endpoint.")
    if version is not None and found.version != version:
        raise Stale("The endpoint has another version by now. Read it again.")
    return found


def page(actor: Actor, query: dict[str, Any], before: str | None) -> list[Endpoint]:
    """Endpoints, newest first, one more than `limit`.

    Raises:
        Forbidden: a user asks for endpoints of others.
    """
    owner = {"me": actor.user_id, "all": None}.get(query["owner"], query["owner"].lower())
    if owner != actor.user_id and not actor.sees_all_tasks:
        raise Forbidden("Only moderators and admins see the endpoints of others. Ask for owner=me.")
    wanted = seen_by(actor).order_by(Endpoint.id.desc()).limit(query["limit"] + 1)
    if owner is not None:
        wanted = wanted.where(Endpoint.owner_id == owner)
    if before is not None:
        wanted = wanted.where(Endpoint.id < before)
    return list(db.session.scalars(wanted))


def make(actor: Actor, sent: dict[str, Any], rules: Rules) -> tuple[Endpoint, list[secrets.New]]:
    """A new endpoint of the actor's, and its secrets, which are shown this once.

    Raises:
        Forbidden: a user asks for the events of all.
        Invalid: nothing may be sent to its URL.
        Conflict: the actor has too many already.
    """
    _check_reach(actor, sent)
    urls.check(sent["url"], rules.also(sent["allow"]))
    kinds = sent.pop("secrets")
    owned = select(Endpoint.id).where(Endpoint.owner_id == actor.user_id, Endpoint.deleted_at.is_(None))
    if len(db.session.scalars(owned.limit(MOST)).all()) == MOST:
        raise Conflict(f"You have {MOST:,} endpoints, which is as many as there may be. Delete one.")
    endpoint = Endpoint(owner_id=actor.user_id, **sent)
    db.session.add(endpoint)
    db.session.flush()
    made = [secrets.make(endpoint, kind) for kind in kinds]
    gates.make(db.session.connection(), endpoint.id, clock.now())
    _subscribe(endpoint)
    return endpoint, made


def _check_reach(actor: Actor, sent: dict[str, Any], before: Endpoint | None = None) -> None:
    allow = before.allow if before is not None else []
    if sent.get("allow", allow) != allow and actor.role is not Role.ADMIN:
        raise Forbidden(f"What `allow` holds takes the role `{Role.ADMIN}` to change. Leave it out.")
    if sent.get("every_owner") and not actor.sees_all_tasks:
        raise Forbidden(f"To hear the events of all users takes the role `{Role.MODERATOR}`. Leave `every_owner` out.")


def _subscribe(endpoint: Endpoint) -> None:
    """Let publishers know what it asks for."""
    db.session.execute(delete(subscription).where(subscription.c.subscriber_id == endpoint.id))
    owner = EVERYONE if endpoint.every_owner else endpoint.owner_id
    rows = [{"owner_id": owner, "type": one, "subscriber_id": endpoint.id} for one in set(endpoint.event_types)]
    if endpoint.deleted_at is None:
        db.session.execute(insert(subscription), rows)


def change(actor: Actor, endpoint_id: str, sent: dict[str, Any], version: int | None, rules: Rules) -> Endpoint:
    """New settings of an endpoint; what is left out stays. What waits goes out with the new ones.

    Raises:
        NotFound, Stale, Forbidden, Invalid: as `get` and `make` do.
    """
    endpoint = get(actor, endpoint_id, version=version, lock=True)
    _check_reach(actor, sent, endpoint)
    if "url" in sent:
        urls.check(sent["url"], rules.also(sent.get("allow", endpoint.allow)))
    for column, value in sent.items():
        setattr(endpoint, column, value)
    db.session.flush()
    _subscribe(endpoint)
    return endpoint


def remove(actor: Actor, endpoint_id: str, version: int | None) -> None:
    """Remove an endpoint; its deliveries go with it, by and by."""
    endpoint = get(actor, endpoint_id, version=version, lock=True)
    endpoint.deleted_at = clock.now()
    db.session.flush()
    live = (Replay.endpoint_id == endpoint.id, Replay.state.in_(["running", "paused"]))
    db.session.execute(update(Replay).where(*live).values(state="cancelled", finished_at=endpoint.deleted_at))
    _subscribe(endpoint)
    _refresh(endpoint)


def pause(actor: Actor, endpoint_id: str, version: int | None) -> Endpoint:
    """Send nothing until it is resumed; deliveries are made meanwhile, and wait."""
    endpoint = get(actor, endpoint_id, version=version, lock=True)
    if endpoint.paused_at is None:
        endpoint.paused_at = clock.now()
        db.session.flush()
        _refresh(endpoint)
    return endpoint


def resume(actor: Actor, endpoint_id: str, version: int | None) -> Endpoint:
    """Let a paused or disabled endpoint go on: with one delivery at first where it had failed."""
    endpoint = get(actor, endpoint_id, version=version, lock=True)
    if endpoint.paused_at is not None or endpoint.disabled_at is not None:
        if endpoint.disabled_at is not None:
            fresh = {"failures": 0, "failing_since": None, "opened_at": None, "probe_s": 0, "hold_until": None}
            db.session.execute(update(gate).where(gate.c.endpoint_id == endpoint.id).values(**fresh, cap=1))
        endpoint.paused_at = endpoint.disabled_at = endpoint.disabled_reason = None
        db.session.flush()
        _refresh(endpoint)
    return endpoint


def _refresh(endpoint: Endpoint) -> None:
    connection = db.session.connection()
    held = gates.lock(connection, [endpoint.id])  # it is held already, and read as it is now
    gates.refresh(connection, {id_: row.hold_until for id_, row in held.items()})


def test(actor: Actor, endpoint_id: str) -> str:
    """Send it an event of its own, as any other is sent; the id of the delivery.

    Raises:
        Conflict: it is paused or disabled, so nothing is sent to it.
    """
    endpoint = get(actor, endpoint_id)
    require_open(endpoint)
    db.session.info["writing"] = True
    connection, now = db.session.connection(), clock.now()
    data = orjson.dumps({"endpoint_id": endpoint.id, "message": "It works."}).decode()
    [event_id] = publish.publish(connection, [Happened(endpoint.owner_id, TEST, data)], now)
    connection.execute(delete(pending_event).where(pending_event.c.event_id == event_id))  # for this endpoint only
    [delivery_id] = fanout.add(connection, [fanout.New(event_id, endpoint, None)], Kind.FIRST, now)
    return delivery_id


def require_open(endpoint: Endpoint) -> None:
    """Raises:
    Conflict: it is paused or disabled.
    """
    if endpoint.paused_at is not None or endpoint.disabled_at is not None:
        word = "disabled" if endpoint.disabled_at is not None else "paused"
        raise Conflict(f"The endpoint is {word}: nothing is sent to it. POST /v1/endpoints/{endpoint.id}/resume first.")


def state(endpoint: Endpoint) -> AnyRow:
    """How it fares: its gate."""
    return db.session.execute(select(gate).where(gate.c.endpoint_id == endpoint.id)).one()


def states(endpoints: list[Endpoint]) -> dict[str, AnyRow]:
    rows = db.session.execute(select(gate).where(gate.c.endpoint_id.in_([one.id for one in endpoints])))
    return {row.endpoint_id: row for row in rows}


def rotate(actor: Actor, endpoint_id: str, kind: str, overlap_s: int) -> secrets.New:
    """A new secret; those of its kind sign for `overlap_s` more."""
    endpoint = get(actor, endpoint_id, lock=True)
    secrets.retire(endpoint, kind, overlap_s)
    return secrets.make(endpoint, kind)
