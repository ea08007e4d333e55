"""The dispatcher's loop, as it runs: real threads, real time, several side by side."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from support.signals import until
from support.yard import Yard
from taskyard.core import clock
from taskyard.core.db import Database, open_database
from taskyard.dispatcher import loop
from taskyard.dispatcher.duties import Duty, all_duties
from taskyard.queue.leases import Lease


@pytest.fixture
def yard(database_url: str) -> Iterator[Yard]:
    database = open_database(database_url)
    yield Yard(database)
    database.dispose()


@contextmanager
def dispatching(database: Database, duties: list[Duty], count: int = 1) -> Iterator[None]:
    """So many dispatchers while the block runs."""
    stop = threading.Event()
    threads = [threading.Thread(target=loop.run, args=(database, duties, stop)) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive(), "a dispatcher does not stop"


def test_a_lost_task_waits_for_its_retry_within_two_seconds_of_its_lease(yard: Yard) -> None:
    task_id = yard.add(backoff={"kind": "constant", "base_s": 1})
    with dispatching(yard.database, all_duties(idempotency_s=86_400), count=3):
        [lost] = yard.claim(lease_s=1)
        until(lambda: yard.task(task_id).status in {"scheduled", "queued"})
        assert timedelta(0) <= clock.now() - lost.expires_at <= timedelta(seconds=2)
        assert yard.attempts(task_id) == [(1, "lost")]
        held = claimed_soon(yard)
        assert clock.now() - lost.expires_at >= timedelta(seconds=0.9), "backoff: 1 s, give or take a tenth"
    assert yard.settle(lost)[0].status is None, "the late answer changes nothing"
    assert yard.settle(*held)[0].status == "succeeded"
    assert yard.attempts(task_id) == [(1, "lost"), (2, "succeeded")]


def claimed_soon(yard: Yard) -> list[Lease]:
    found: list[Lease] = []
    until(lambda: found.extend(yard.claim()) or bool(found))
    return found


def test_a_dispatcher_promotes_and_expires(yard: Yard) -> None:
    soon = clock.now() + timedelta(seconds=0.3)
    due, stale = yard.add(queue="due", run_at=soon), yard.add(queue="stale", expires_at=soon)
    with dispatching(yard.database, all_duties(idempotency_s=86_400)):
        until(lambda: bool(yard.claim("due")))
        until(lambda: yard.task(stale).status == "expired")
    assert yard.task(due).status == "running"


def test_a_duty_that_fails_is_tried_again_and_keeps_no_other_from_its_work(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(loop, "AFTER_ERROR_S", 0.01)
    calls: dict[str, int] = {"fails": 0, "works": 0}

    def duty(name: str) -> Callable[[Connection], int]:
        def run(_connection: Connection) -> int:
            calls[name] += 1
            if name == "fails":
                raise KeyError("unforeseen")
            return 0

        return run

    duties = [Duty(name, 0.01, duty(name)) for name in calls]
    with dispatching(yard.database, duties):
        until(lambda: min(calls.values()) > 3)


def test_a_dispatcher_stops_at_once_when_there_is_nothing_to_do(yard: Yard) -> None:
    duties = [Duty("rests", 3600, lambda _: 0)]
    started = time.monotonic()
    with dispatching(yard.database, duties):
        pass
    assert time.monotonic() - started < 15


def test_a_duty_that_finds_nothing_rests_many_times_as_long_as_it_took(yard: Yard) -> None:
    looks: list[tuple[float, float]] = []

    def look(_: Connection) -> int:
        began_at = time.monotonic()
        time.sleep(0.03)  # as a query that reads much
        looks.append((began_at, time.monotonic()))
        return 0

    with dispatching(yard.database, [Duty("looks", 0.01, look)]):
        until(lambda: len(looks) > 2)
    for (began_at, ended_at), (again_at, _) in itertools.pairwise(looks):
        assert again_at - ended_at >= loop.PACE * (ended_at - began_at) * 0.9


def test_a_database_that_is_away_is_told_of_once(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "AFTER_ERROR_S", 0.01)
    told: list[str] = []
    monkeypatch.setattr(loop.log, "warning", lambda event, **_: told.append(event), raising=False)
    tries = itertools.count(1)
    back = threading.Event()

    def run(_connection: Connection) -> int:
        if next(tries) < 5:
            raise OperationalError("SELECT 1", {}, ConnectionError("nobody listens"))
        back.set()
        return 0

    with dispatching(yard.database, [Duty("looks", 0.01, run)]):
        assert back.wait(10)
    assert told == ["duty waits for the database", "the database is back"]
