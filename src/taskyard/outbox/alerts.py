"""What the owner of an endpoint is told of it."""

from datetime import datetime

import orjson
from sqlalchemy import Connection

from taskyard.events import publish
from taskyard.events.publish import Happened
from taskyard.outbox.claimed import Claimed

BLOCKED = "delivery.blocked"


def blocked(connection: Connection, one: Claimed, reason: str | None, now: datetime) -> None:
    """A delivery was held, as its address may not be connected to. That of such an event is not told in its turn."""
    if one.event["type"] == BLOCKED:
        return
    data = {"endpoint_id": one.endpoint.id, "delivery_id": one.id, "url": one.endpoint.url, "reason": reason}
    told = Happened(one.endpoint.owner_id, BLOCKED, orjson.dumps(data).decode(), one.endpoint.id)
    publish.publish_heard(connection, [told], now)
