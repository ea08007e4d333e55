"""Dispatchers are killed while they deliver: every event reaches every endpoint that asks for it, with one id.

The short form is part of the tests. `make deliveries` runs the long one: DELIVERIES deliveries.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from sqlalchemy import insert, select, update

from support.databases import Postgres, SqliteFiles
from support.mailbox import Mailbox, mailbox
from support.people import ALICE
from support.post_office import PostOffice
from support.server import Dispatcher, Server
from support.signals import until
from taskyard.core import clock, transaction
from taskyard.core.db import Database, open_database
from taskyard.core.ids import new_id
from taskyard.events import publish
from taskyard.events.publish import Happened
from taskyard.outbox import gates
from taskyard.outbox.models import Endpoint, EndpointSecret, Replay
from taskyard.outbox.tables import delivery

pytestmark = pytest.mark.e2e
EVENTS = int(os.environ.get("DELIVERIES", "600")) // 2
KILLS = max(EVENTS // 100, 2)
CONCURRENCY = 20
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the specification's own
OPEN = {"TASKYARD_EGRESS_ALLOW": "127.0.0.1", "TASKYARD_EGRESS_HTTP": "true"}


@pytest.fixture
def database(databases: SqliteFiles | Postgres) -> Iterator[Database]:
    url = databases.new()
    database = open_database(url)
    yield database
    database.dispose()
    databases.drop(url)


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as box:
        yield box


@pytest.fixture
def dispatcher(database: Database, tmp_path: Path) -> Iterator[Dispatcher]:
    url = database.write.url.render_as_string(hide_password=False)
    server = Server(url, tmp_path, **OPEN)
    service = Dispatcher(server.env, tmp_path)
    yield service
    service.kill()
    print(service.output())


def subscribed(database: Database, url: str, types: list[str]) -> str:
    """An endpoint of alice's; its deliveries come back two seconds after their dispatcher has died."""
    id_, now = new_id(), clock.now()
    settings = {"retry_delays_s": [0] * 20, "concurrency": CONCURRENCY, "timeout_s": 1}
    with transaction.own(database) as connection:
        connection.execute(
            insert(Endpoint).values(id=id_, owner_id=ALICE.id, url=url, event_types=types, headers={}, **settings)
        )
        connection.execute(insert(EndpointSecret).values(endpoint_id=id_, kind="hmac", value=SECRET))
        gates.make(connection, id_, now)
    return id_


def happened(database: Database, count: int) -> list[str]:
    told = [Happened(ALICE.id, "shop.paid", orjson.dumps({"n": n}).decode()) for n in range(count)]
    with transaction.own(database) as connection:
        return publish.publish(connection, told, clock.now())


def expire_leases(office: PostOffice) -> None:
    """So that nobody waits out the 31 seconds of a lease: all dispatchers are dead just now."""
    with transaction.own(office.database) as connection:
        held = update(delivery).where(delivery.c.status == "sending").values(leased_until=clock.now())
        connection.execute(held)


def test_every_event_reaches_every_endpoint_however_often_dispatchers_die(
    database: Database, dispatcher: Dispatcher, box: Mailbox
) -> None:
    office = PostOffice(database)
    subscribed(database, f"{box.url}/one", ["*"])
    subscribed(database, f"{box.url}/two", ["shop.*"])
    sent = happened(database, EVENTS)
    in_flight = 0
    for kill in range(1, KILLS + 1):
        dispatcher.start()
        box.wait_for(lambda letters, kill=kill: len(letters) >= kill * EVENTS // (KILLS + 1))
        dispatcher.kill()
        in_flight += office.statuses().count("sending")
        expire_leases(office)
    dispatcher.start()
    box.wait_for(lambda letters: len(letters) >= 2 * EVENTS, 60 + EVENTS / 20)
    until(lambda: set(office.statuses()) == {"delivered"})
    counts = Counter(letter.id for letter in box.letters)
    assert set(counts) == set(sent)
    assert len({(letter.id, letter.raw) for letter in box.letters}) == EVENTS, "the same body at every try"
    repeated = sum(counts.values()) - 2 * EVENTS
    print(f"{KILLS} kills, {in_flight} in flight at them, {repeated} repeated")
    assert all(count >= 2 for count in counts.values())
    assert repeated <= in_flight
    assert office.in_flight() == (0, 0)


def test_a_replay_goes_on_after_its_dispatcher_was_killed(
    database: Database, dispatcher: Dispatcher, box: Mailbox
) -> None:
    office = PostOffice(database)
    sent = happened(database, 120)
    until(lambda: office.fan_out() == 0)
    id_, now = subscribed(database, box.url, ["*"]), clock.now()
    with transaction.own(database) as connection:
        row = {"endpoint_id": id_, "since": now.replace(year=2020), "until": now, "rate_per_s": 40.0, "which": "all"}
        connection.execute(insert(Replay).values(**row))

    def seen() -> int:
        with database.read.connect() as connection:
            return int(connection.execute(select(Replay.seen)).scalar_one())

    dispatcher.start()
    until(lambda: seen() >= 40)
    dispatcher.kill()
    assert seen() < 120
    expire_leases(office)
    dispatcher.start()
    letters = box.wait_for(lambda letters: len({letter.id for letter in letters}) == 120, 60)
    assert {letter.id for letter in letters} == set(sent)


def test_a_stopped_dispatcher_finishes_what_it_has_begun(
    database: Database, dispatcher: Dispatcher, box: Mailbox
) -> None:
    office = PostOffice(database)
    subscribed(database, box.url, ["*"])
    happened(database, 100)
    dispatcher.start()
    box.wait_for(lambda letters: len(letters) >= 10)
    assert dispatcher.stop() == 0
    assert "sending" not in office.statuses()
    assert office.in_flight() == (0, 0)
