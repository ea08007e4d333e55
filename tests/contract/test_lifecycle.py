"""The status machine: what derives a status, and what the database refuses."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from support.yard import Yard
from taskyard.core import clock, transaction
from taskyard.core.clock import FrozenClock
from taskyard.core.conflicts import violated
from taskyard.queue import read
from taskyard.queue.lifecycle import OUTCOMES, RETRYABLE, STATUS, Status, has_status
from taskyard.queue.read import Filter
from taskyard.queue.tables import attempt, lease, ready, scheduled, task


def test_a_status_and_its_filter_agree_in_every_constellation(yard: Yard, time: FrozenClock) -> None:
    """Outcome or none, leased or not, due before, just now or later: 6 · 2 · 3 tasks, each with one status."""
    now = time.now()
    dues = [now - timedelta(seconds=1), now, now + timedelta(microseconds=1)]
    constellations = list(itertools.product([None, *OUTCOMES], [False, True], dues))
    with transaction.own(yard.database) as connection:
        for outcome, leased, run_at in constellations:
            task_id = yard_task(connection, now, run_at=run_at, outcome=outcome)
            if leased:
                connection.execute(insert(lease), lease_row(task_id, now))
    joined = select(task.c.id, STATUS).join_from(task, lease, lease.c.task_id == task.c.id, isouter=True)
    with yard.database.read.connect() as connection:
        derived = {row[0]: row[1] for row in connection.execute(joined, {"now": now})}
        for status in Status:
            found = set(connection.execute(select(task.c.id).where(has_status(status)), {"now": now}).scalars())
            assert found == {task_id for task_id, of in derived.items() if of == status}
            assert found, f"no constellation is {status}"
            listed = {row.id for row in read.newest(connection, Filter(status=status), now, limit=99)}
            assert listed == found
    assert len(derived) == len(constellations) == 36


def yard_task(connection: Any, now: Any, **fields: Any) -> str:
    from_ = {"owner_id": "00000000-0000-7000-8000-000000000001", "command": "c", "queue": "q", "lane": 1, "tags": []}
    task_id: str = fields.pop("id", None) or next(IDS)
    finished_at = now if fields.get("outcome") else None
    rest = {"payload": "{}", "created_at": now, "run_at": now, "timeout_s": 1, "max_attempts": 1, "on_lost": "retry"}
    row = {"id": task_id, **from_, **rest, "finished_at": finished_at, **fields}
    connection.execute(insert(task), row)
    return task_id


IDS = (f"00000000-0000-7000-8000-{number:012d}" for number in itertools.count(1000))


def lease_row(task_id: str, now: Any) -> dict[str, Any]:
    return {
        "task_id": task_id,
        "token": "t",
        "attempt": 1,
        "queue": "q",
        "lane": 1,
        "worker": "w",
        "holder_id": task_id,
        "leased_at": now,
        "expires_at": now,
    }


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"outcome": "done"}, "ck_task_outcome"),
        ({"outcome": "running"}, "ck_task_outcome"),  # what is derived is never stored
        ({"outcome": "queued"}, "ck_task_outcome"),
        ({"outcome": "succeeded", "finished_at": None}, "ck_task_finished_at"),
        ({"outcome": None, "finished_at": clock.now()}, "ck_task_finished_at"),
        ({"lane": 3}, "ck_task_lane"),
        ({"lane": -1}, "ck_task_lane"),
        ({"on_lost": "forget"}, "ck_task_on_lost"),
    ],
)
def test_the_database_refuses_a_task_outside_the_machine(yard: Yard, fields: dict[str, Any], constraint: str) -> None:
    with pytest.raises(IntegrityError) as refusal, transaction.own(yard.database) as connection:
        yard_task(connection, clock.now(), **fields)
    assert violated(refusal.value) == constraint


def test_the_database_refuses_an_attempt_outside_the_machine(yard: Yard) -> None:
    task_id = yard.add()
    now = clock.now()
    row = {"task_id": task_id, "number": 1, "worker": "w", "started_at": now, "ended_at": now}
    with pytest.raises(IntegrityError) as refusal, transaction.own(yard.database) as connection:
        connection.execute(insert(attempt), {**row, "outcome": "expired"})
    assert violated(refusal.value) == "ck_attempt_outcome"


def test_the_database_refuses_to_end_a_task_without_saying_when(yard: Yard) -> None:
    task_id = yard.add()
    with pytest.raises(IntegrityError), transaction.own(yard.database) as connection:
        connection.execute(update(task).where(task.c.id == task_id).values(outcome="failed"))


# From each status, what a deed makes of it; None: it is refused and changes nothing.
DEEDS = {
    "cancel": {"scheduled": "cancelled", "queued": "cancelled", "running": "running"},
    "change": {"scheduled": "scheduled", "queued": "queued"},
    "retry": {"failed": "queued", "cancelled": "queued", "expired": "queued", "lost": "queued"},
    "remove": {"succeeded": "gone", "failed": "gone", "cancelled": "gone", "expired": "gone", "lost": "gone"},
}


def bring_to(yard: Yard, time: FrozenClock, status: str) -> str:
    """A task of this status, by the way it gets there."""
    on_lost = {"lost": "hold"}.get(status, "retry")
    later = time.now() + timedelta(hours=1)
    expires_at = time.now() + timedelta(seconds=5) if status == "expired" else None
    run_at = later if status == "scheduled" else time.now()
    task_id = yard.add(on_lost=on_lost, run_at=run_at, expires_at=expires_at, max_attempts=1)
    if status in {"running", "succeeded", "failed", "lost"}:
        [held] = yard.claim(lease_s=5)
        if status in {"succeeded", "failed"}:
            yard.settle(held, outcome=status)
    if status == "cancelled":
        yard.cancel(task_id)
    if status in {"lost", "expired"}:
        time.advance(6)
        yard.reap()
        yard.expire()
    assert yard.task(task_id).status == status
    return task_id


@pytest.mark.parametrize("status", [status.value for status in Status])
@pytest.mark.parametrize("deed", DEEDS)
def test_each_deed_in_each_status(yard: Yard, time: FrozenClock, deed: str, status: str) -> None:
    task_id = bring_to(yard, time, status)
    done = getattr(yard, deed)(task_id)
    wanted = DEEDS[deed].get(status)
    assert bool(done) == (wanted is not None)
    if wanted == "gone":
        assert yard.count(task) == yard.count(attempt) == 0
        return
    assert yard.task(task_id).status == (wanted or status)
    places = yard.count(ready) + yard.count(scheduled) + yard.count(lease)
    assert places == (yard.task(task_id).status not in OUTCOMES), "an open task is in one place, an ended one in none"


def test_what_can_be_retried_is_what_ended_without_success() -> None:
    assert set(DEEDS["retry"]) == RETRYABLE == OUTCOMES - {"succeeded"}
