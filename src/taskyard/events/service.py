"""What can be done with events: an owner's own only."""

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import and_, or_, select

from taskyard.core import clock
from taskyard.core.db import AnyRow, db
from taskyard.core.errors import NotFound
from taskyard.events import publish
from taskyard.events.publish import Happened
from taskyard.events.tables import event


def submit(owner_id: str, sent: dict[str, Any]) -> dict[str, Any]:
    """Publish an event of somebody's own, whether anybody hears it or not: it can be replayed later."""
    now = clock.now()
    db.session.info["writing"] = True
    told = Happened(owner_id, sent["type"], orjson.dumps(sent["data"]).decode(), sent["key"])
    [event_id] = publish.publish(db.session.connection(), [told], now)
    return {**sent, "id": event_id, "created_at": now}


def get(owner_id: str, event_id: str) -> dict[str, Any]:
    """Raises:
    NotFound: there is no such event, or it is another's.
    """
    row = db.session.execute(select(event).where(event.c.owner_id == owner_id, event.c.id == event_id)).first()
    if row is None:
        raise NotFound("There is no such event. Task events are kept only where somebody has subscribed to them.")
    return shown(row)


def page(owner_id: str, query: dict[str, Any], before: list[str] | None) -> list[dict[str, Any]]:
    """Events, newest first, one more than `limit`. `before` is the time and the id of the last one seen."""
    wanted = select(event).where(event.c.owner_id == owner_id)
    if query.get("type"):
        wanted = wanted.where(event.c.type == query["type"])
    if before is not None:
        at = datetime.fromisoformat(before[0])
        same = and_(event.c.created_at == at, event.c.id < before[1])
        wanted = wanted.where(event.c.created_at <= at, or_(event.c.created_at < at, same))
    newest = wanted.order_by(event.c.created_at.desc(), event.c.id.desc()).limit(query["limit"] + 1)
    return [shown(row) for row in db.session.execute(newest)]


def shown(row: AnyRow) -> dict[str, Any]:
    return {**row._mapping, "data": orjson.loads(row.data)}
