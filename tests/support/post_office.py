"""The outbox without HTTP and without sockets: what dispatchers do, one step after the other."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Table, select, update

from support.caller import Caller
from taskyard.core import clock, transaction
from taskyard.core.db import AnyRow, Database
from taskyard.outbox import claim, fanout, reap, replays, retention, settle
from taskyard.outbox.claimed import Claimed
from taskyard.outbox.policy import Answer
from taskyard.outbox.settle import Tried
from taskyard.outbox.tables import Kind, delivery, gate, lane

ROOM = {Kind.FIRST: 100, Kind.RETRY: 100, Kind.REPLAY: 100}


class PostOffice:
    """Each deed is a transaction of its own, at the present moment."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def do(self, deed: Callable[..., Any], *arguments: Any) -> Any:
        with transaction.own(self.database) as connection:
            return deed(connection, *arguments, clock.now())

    def fan_out(self) -> int:
        return int(self.do(fanout.fan_out))

    def claim(self, room: dict[Kind, int] | None = None) -> list[Claimed]:
        found: list[Claimed] = self.do(claim.claim, room or ROOM)
        return found

    def settle(self, *claimed: Claimed, **answer: Any) -> int:
        """Settle these tries, all with this answer; how many were held."""
        tried = [Tried(one, clock.now(), Answer(**answer), {"total": 1.0}) for one in claimed]
        return int(self.do(settle.settle, tried))

    def send(self, **answer: Any) -> list[Claimed]:
        """Fan out, claim and settle once."""
        self.fan_out()
        claimed = self.claim()
        if claimed:
            self.settle(*claimed, **answer)
        return claimed

    def reap(self) -> int:
        return int(self.do(reap.reap))

    def end_overdue(self) -> int:
        return int(self.do(retention.end_overdue))

    def replay(self) -> int:
        return int(self.do(replays.work))

    def rows(self, table: Table, **where: Any) -> list[AnyRow]:
        query = select(table).where(*(table.c[name] == value for name, value in where.items()))
        with self.database.read.connect() as connection:
            return list(connection.execute(query.order_by(*table.primary_key.columns)))

    def statuses(self) -> list[str]:
        return [row.status for row in self.rows(delivery)]

    def in_flight(self) -> tuple[int, int]:
        """As the gates count it, and as the lanes do."""
        return sum(row.in_flight for row in self.rows(gate)), sum(row.in_flight for row in self.rows(lane))

    def set(self, table: Table, **values: Any) -> None:
        with transaction.own(self.database) as connection:
            connection.execute(update(table).values(**values))


@pytest.fixture
def office(database: Database) -> PostOffice:
    return PostOffice(database)


@pytest.fixture
def endpoint(alice: Caller) -> Callable[..., dict[str, Any]]:
    """Makes endpoints of alice's."""

    def make(**settings: Any) -> dict[str, Any]:
        wanted = {"url": "https://example.com/hook", "event_types": ["*"], **settings}
        made = alice.post("/v1/endpoints", wanted)
        assert made.status_code == 201, made.json
        found: dict[str, Any] = made.json
        return found

    return make


@pytest.fixture
def happen(alice: Caller) -> Callable[..., str]:
    """Publishes events of alice's."""

    def publish(type_: str = "shop.paid", data: Any = None, key: str | None = None) -> str:
        made = alice.post("/v1/events", {"type": type_, "data": data, "key": key})
        assert made.status_code == 201, made.json
        return str(made.json["id"])

    return publish
