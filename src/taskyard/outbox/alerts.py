"""What the owner of an endpoint is told of it."""

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection

from taskyard.events import publish
from taskyard.events.publish import Happened
from taskyard.outbox.claimed import Claimed

BLOCKED = "delivery.blocked"
DISABLED = "endpoint.disabled"


def blocked(connection: Connection, one: Claimed, reason: str | None, now: datetime) -> None:
    """A delivery was held, as its address may not be connected to. That of such an event is not told in its turn."""
    if one.event["type"] == BLOCKED:
        return
    data = {"endpoint_id": one.endpoint.id, "delivery_id": one.id, "url": one.endpoint.url, "reason": reason}
    _tell(connection, one.endpoint.owner_id, BLOCKED, data, now)


def disabled(connection: Connection, endpoint_id: str, owner_id: str, url: str, why: str, now: datetime) -> None:
    """Nothing is sent to it any more."""
    _tell(connection, owner_id, DISABLED, {"endpoint_id": endpoint_id, "url": url, "reason": why}, now)


def _tell(connection: Connection, owner_id: str, type_: str, data: dict[str, Any], now: datetime) -> None:
    told = Happened(owner_id, type_, orjson.dumps(data).decode(), data["endpoint_id"])
    publish.publish_heard(connection, [told], now)
