"""Webhooks going out: a receiver, endpoints there, and events or deliveries by the hundred thousand."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from sqlalchemy import func, select

from bench import fill
from bench.caller import Caller
from bench.servers import ROOT, Contender
from taskyard.core.db import open_database
from taskyard.outbox.tables import delivery

# What each server is told, so that it may send to the receiver.
SETTINGS = (("TASKYARD_EGRESS_ALLOW", "127.0.0.1"), ("TASKYARD_EGRESS_HTTP", "1"))
WEB = Contender("Taskyard", "wsgi:app", taskyard=True, settings=SETTINGS)
DATA = '{"order":"8c2f41","amount":1999,"currency":"EUR","items":[{"sku":"a-1","count":2},{"sku":"b-7","count":1}]}'
EVENT = (
    'INSERT INTO event (id, owner_id, type, data, created_at) {rows} SELECT {id}, (SELECT id FROM "user"),'
    " 'shop.' || (n % {endpoints}), '{data}', {now} FROM r"
)
PENDING = "INSERT INTO pending_event (event_id) {rows} SELECT {id} FROM r"
DELIVERY = (
    "INSERT INTO delivery (id, event_id, endpoint_id, status, lane, due_at, created_at, deadline_at) {rows}"
    " SELECT {id}, {id}, '{endpoint}', 'waiting', 0, {now}, {now}, {future} FROM r"
)
DUE = "UPDATE lane SET next_due = {now} WHERE endpoint_id = '{endpoint}' AND kind = 0"


class Receiver:
    """The process of bench/receiver.py."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.port, self.hole = self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    @property
    def count(self) -> int:
        """Requests that have come."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        found: int = self._read()
        return found

    def first(self) -> dict[str, float]:
        """When each webhook-id came first; to be asked once, at the end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        found: dict[str, float] = self._read()
        return found


@contextmanager
def receiving() -> Iterator[Receiver]:
    command = [sys.executable, "-m", "bench.receiver"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Receiver(process)
        finally:
            process.kill()


def endpoint(port: int, event_types: list[str], url: str, **settings: Any) -> str:
    """Make an endpoint by the API of the web process on this port; its id."""
    with closing(Caller(port)) as caller:
        made, _ = caller.post("/v1/endpoints", {"url": url, "event_types": event_types, **settings})
        found: str = made["id"]
        return found


def publish(url: str, count: int, endpoints: int) -> None:
    """Events that have not been fanned out, `shop.0`, `shop.1` and so on in turn."""
    fill.insert(url, 0, count, [EVENT, PENDING], {"data": DATA, "endpoints": endpoints}, "event, pending_event")


def pile_up(url: str, endpoint_id: str, count: int) -> None:
    """Deliveries that wait for an endpoint, due long since."""
    words = {"data": DATA, "endpoints": 1, "endpoint": endpoint_id}
    fill.insert(url, 0, count, [EVENT, DELIVERY], words, "event, delivery")
    fill.insert(url, 0, 1, [DUE], words, "lane")


def tries(url: str, endpoint_id: str) -> int:
    """Requests that were made for an endpoint."""
    database = open_database(url)
    with database.read.connect() as connection:
        of_endpoint = select(func.sum(delivery.c.tries)).where(delivery.c.endpoint_id == endpoint_id)
        found: int = connection.execute(of_endpoint).scalar_one() or 0
    database.dispose()
    return found
