"""Dispatchers are killed and stopped, and PostgreSQL dies, while tasks are pushed: every task ends as it should.

The short form is part of the tests. `make pushes` runs the long one: PUSHES tasks.
"""

import asyncio
import os
import signal
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from sqlalchemy import select, update

from support.databases import Postgres
from support.people import ALICE, MIA
from support.pushes import JSON, Holding
from support.receivers import Seen, read_request, receiver, whole
from support.server import Server, running_server
from support.signals import until
from taskyard.client import Client
from taskyard.core import clock, transaction
from taskyard.core.db import open_database
from taskyard.queue.tables import lease, task

pytestmark = pytest.mark.e2e
PUSHES = int(os.environ.get("PUSHES", "200"))
KILLS = 3 + PUSHES // 500
OPEN = {"TASKYARD_EGRESS_ALLOW": "127.0.0.1", "TASKYARD_EGRESS_HTTP": "true"}
ON_LOST = ("retry", "hold", "fail")
LONG_S = 120.0  # for what takes seconds


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def pushing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    databases = request.getfixturevalue("sqlite_files" if request.param == "sqlite" else "postgres")
    url = databases.new()
    with running_server(url, tmp_path_factory.mktemp("pushing"), **OPEN) as running:
        yield running
    databases.drop(url)


@pytest.fixture
def server(pushing: Server) -> Server:
    """One for all tests, which kill its dispatcher alone, and leave no task open. It has a log of each test's own."""
    pushing.dispatcher.kill()
    pushing.dispatcher.log.unlink(missing_ok=True)
    pushing.dispatcher.start()
    return pushing


def register(server: Server, name: str, url: str, *, concurrency: int = 20, **policy: Any) -> None:
    """A command whose tasks are pushed to this URL, and tried again at once."""
    answer = urllib3.request(
        "PUT",
        f"{server.url}/v1/commands/{name}",
        json={
            "push": {"url": url, "concurrency": concurrency, "timeout_s": 60},
            "backoff": {"kind": "constant", "base_s": 0},
            **policy,
        },
        headers={"Authorization": f"Bearer {MIA.key}"},
    )
    assert answer.status in {200, 201}, answer.data


def submit(server: Server, command: str, count: int) -> list[str]:
    with Client(server.url, ALICE.key, retry_for_s=60) as client:
        return [client.submit(command, {"n": n}).id for n in range(count)]


def tasks_of(server: Server, ids: list[str]) -> dict[str, Any]:
    with Client(server.url, ALICE.key, retry_for_s=60) as client:
        return {one: client.get(one) for one in ids}


def open_tasks(server: Server) -> int:
    database = open_database(server.database_url)
    try:
        with database.read.connect() as connection:
            return len(connection.execute(select(task.c.id).where(task.c.outcome.is_(None))).all())
    finally:
        database.dispose()


def expire_leases(server: Server) -> int:
    """So that nobody waits out the minute of a lease: all dispatchers are dead just now. How many there were."""
    database = open_database(server.database_url)
    try:
        with transaction.own(database) as connection:
            return connection.execute(update(lease).values(expires_at=clock.now())).rowcount
    finally:
        database.dispose()


def attempts(seen: list[Seen]) -> dict[str, list[int]]:
    """The attempts of each task, as they came."""
    found: dict[str, list[int]] = defaultdict(list)
    for one in seen:
        assert one.headers["webhook-id"] == one.headers["taskyard-task"]
        found[one.headers["webhook-id"]].append(int(one.headers["taskyard-attempt"]))
    return found


def test_what_a_killed_dispatcher_had_sent_is_as_on_lost_says(server: Server) -> None:
    receives = Holding()
    with receiver(receives) as found:
        for on_lost in ON_LOST:
            register(server, on_lost, found.url, on_lost=on_lost)
        ids = {on_lost: submit(server, on_lost, 5) for on_lost in ON_LOST}
        receives.wait_for(15)
        server.dispatcher.kill()
        assert expire_leases(server) == 15
        receives.let_go()  # whoever asks from now on is answered
        server.dispatcher.start()
        until(lambda: not open_tasks(server), LONG_S)
    tasks = tasks_of(server, [one for some in ids.values() for one in some])
    ended = {on_lost: {(tasks[one].status, tasks[one].attempts) for one in some} for on_lost, some in ids.items()}
    assert ended == {"retry": {("succeeded", 2)}, "hold": {("lost", 1)}, "fail": {("failed", 1)}}
    came = attempts(receives.seen)
    assert [came[one] for one in ids["retry"]] == [[1, 2]] * 5
    assert [came[one] for one in ids["hold"] + ids["fail"]] == [[1]] * 10


def test_every_task_ends_however_often_dispatchers_die(server: Server) -> None:
    seen: list[Seen] = []

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        await asyncio.sleep(0.05)
        writer.write(whole("200 OK", b"1", JSON))

    in_flight = 0
    with receiver(slow) as found:
        register(server, "resize", found.url, max_crashes=100)
        ids = submit(server, "resize", PUSHES)
        for kill in range(1, KILLS + 1):
            until(lambda kill=kill: len(seen) >= kill * PUSHES // (KILLS + 1), LONG_S)
            server.dispatcher.kill()
            in_flight += expire_leases(server)
            server.dispatcher.start()
        until(lambda: not open_tasks(server), LONG_S + PUSHES / 20)
    came = attempts(seen)
    assert {one.status for one in tasks_of(server, ids).values()} == {"succeeded"}
    assert sorted(came) == sorted(ids)
    assert all(numbers == sorted(set(numbers)) for numbers in came.values()), "each attempt once, and upwards"
    repeated = sum(map(len, came.values())) - PUSHES
    print(f"{PUSHES} pushes, {KILLS} kills, {in_flight} in flight at them, {repeated} repeated")
    assert repeated <= in_flight


def test_a_stopped_dispatcher_waits_for_what_is_under_way(server: Server) -> None:
    receives = Holding()
    with receiver(receives) as found:
        register(server, "resize", found.url, concurrency=5)
        ids = submit(server, "resize", 8)
        receives.wait_for(5)
        server.dispatcher.signal(signal.SIGTERM)
        until(lambda: "dispatcher stopped" in server.dispatcher.output(), LONG_S)  # all but its requests
        assert server.dispatcher.running
        receives.let_go()
        assert server.dispatcher.wait() == 0
        ended = [one for one in tasks_of(server, ids).values() if one.status == "succeeded"]
        assert [one.attempts for one in ended] == [1] * 5
        assert len(receives.seen) == 5, "nothing is begun after the signal"
        server.dispatcher.start()
        until(lambda: not open_tasks(server), LONG_S)


def test_what_a_stop_breaks_off_is_tried_again_and_counts_nothing(server: Server) -> None:
    receives = Holding()
    with receiver(receives) as found:
        for on_lost in ON_LOST:
            register(server, on_lost, found.url, on_lost=on_lost, max_attempts=1, max_crashes=1)
        ids = {on_lost: submit(server, on_lost, 1)[0] for on_lost in ON_LOST}
        receives.wait_for(3)
        server.dispatcher.signal(signal.SIGTERM)
        assert server.dispatcher.wait() == 0  # after the 10 s that docs/push.md names
        tasks = tasks_of(server, list(ids.values()))
        ended = {on_lost: tasks[one].status for on_lost, one in ids.items()}
        assert ended == {"retry": "queued", "hold": "lost", "fail": "failed"}
        receives.let_go()
        server.dispatcher.start()
        until(lambda: not open_tasks(server), LONG_S)
    again = tasks_of(server, [ids["retry"]])[ids["retry"]]
    assert (again.status, again.attempts, again.failures) == ("succeeded", 2, 0)
    assert attempts(receives.seen)[ids["retry"]] == [1, 2]


def test_pushes_go_on_after_a_restart_of_postgresql(own_postgres: Postgres, tmp_path: Path) -> None:
    seen: list[Seen] = []

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        await asyncio.sleep(0.05)
        writer.write(whole("200 OK", b"1", JSON))

    with receiver(slow) as found, running_server(own_postgres.new(), tmp_path, **OPEN) as server:
        register(server, "resize", found.url, concurrency=10, max_crashes=100)
        ids = submit(server, "resize", 100)
        until(lambda: len(seen) >= 30, LONG_S)
        own_postgres.crash()
        own_postgres.start_again()
        later = submit(server, "resize", 5)
        until(lambda: not open_tasks(server), LONG_S)  # a claim whose commit was not answered waits out its lease
        tasks = tasks_of(server, ids + later)
    came = attempts(seen)
    assert {one.status for one in tasks.values()} == {"succeeded"}
    assert all(numbers == sorted(set(numbers)) for numbers in came.values())
    assert sorted(came) == sorted(ids + later)
