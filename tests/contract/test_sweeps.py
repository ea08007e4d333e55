"""Promote, reap and expire: alone, and many at once."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete

from support.yard import Yard, at_once
from taskyard.core import transaction
from taskyard.core.clock import FrozenClock
from taskyard.queue import sweeps
from taskyard.queue.lifecycle import Status
from taskyard.queue.tables import attempt, lease, ready, scheduled, task

NO_BACKOFF = {"kind": "constant", "base_s": 0}


def test_what_is_due_is_promoted_in_the_order_of_its_time(yard: Yard, time: FrozenClock) -> None:
    later = [yard.add(run_at=time.now() + timedelta(seconds=s)) for s in (30, 10, 20)]
    assert yard.claim(limit=9) == []
    time.advance(20)
    assert yard.promote() == ["q", "q"]
    assert [one.task_id for one in yard.claim(limit=9)] == [later[1], later[2]]
    assert yard.task(later[0]).status == "scheduled"


def test_a_run_at_in_the_past_is_due_at_once(yard: Yard, time: FrozenClock) -> None:
    task_id = yard.add(run_at=time.now() - timedelta(days=1))
    assert yard.task(task_id).status == "queued"
    assert yard.claim()[0].task_id == task_id


@pytest.mark.parametrize(
    ("fields", "cancelled", "status", "attempt_is"),
    [
        ({"backoff": {"kind": "constant", "base_s": 9}}, False, "scheduled", "lost"),
        ({"backoff": NO_BACKOFF}, False, "queued", "lost"),
        ({"on_lost": "hold"}, False, "lost", "lost"),
        ({"on_lost": "fail"}, False, "failed", "lost"),
        ({"backoff": NO_BACKOFF}, True, "cancelled", "cancelled"),
    ],
)
def test_a_lost_worker(
    yard: Yard, time: FrozenClock, fields: dict[str, Any], cancelled: bool, status: str, attempt_is: str
) -> None:
    task_id = yard.add(max_attempts=1, **fields)
    yard.claim(lease_s=5)
    if cancelled:
        yard.cancel(task_id)
    time.advance(4.999999)
    assert yard.reap() == []
    time.advance(0.000001)
    assert yard.reap() == ["q"]
    row = yard.task(task_id)
    assert (row.status, row.attempts, row.failures, row.crashes) == (status, 1, 0, 1)
    assert yard.attempts(task_id) == [(1, attempt_is)]
    assert '"lost"' in row.error


def test_three_crashes_are_too_many(yard: Yard, time: FrozenClock) -> None:
    task_id = yard.add(backoff=NO_BACKOFF, max_attempts=99)
    for expected in ("queued", "queued", "failed"):
        yard.claim(lease_s=1)
        time.advance(1)
        yard.reap()
        assert yard.task(task_id).status == expected
    assert yard.task(task_id).crashes == 3


def test_a_lease_whose_task_is_gone_is_cleared_away(yard: Yard, time: FrozenClock) -> None:
    task_id, other = yard.add(), yard.add(backoff=NO_BACKOFF)
    held, _ = yard.claim(limit=2, lease_s=1)
    with transaction.own(yard.database) as connection:
        connection.execute(delete(task).where(task.c.id == task_id))
    time.advance(2)
    assert yard.settle(held)[0].status is None
    yard.reap()
    assert yard.count(lease) == 0
    assert yard.task(other).status == "queued"


def test_what_has_expired_is_no_longer_started(yard: Yard, time: FrozenClock) -> None:
    soon = time.now() + timedelta(seconds=10)
    waiting, later = yard.add(expires_at=soon), yard.add(expires_at=soon, run_at=soon + timedelta(hours=1))
    running, lasting = yard.add(queue="r", expires_at=soon), yard.add(expires_at=soon + timedelta(seconds=1))
    yard.claim("r", lease_s=60)
    time.advance(9.999999)
    assert yard.expire() == []
    time.advance(0.000001)
    assert sorted(yard.expire()) == sorted([waiting, later])
    assert [yard.task(i).status for i in (waiting, later, running, lasting)] == [
        "expired",
        "expired",
        "running",
        "queued",
    ]
    assert [one.task_id for one in yard.claim(limit=9)] == [lasting]


def test_a_retry_of_an_expired_task_may_run(yard: Yard, time: FrozenClock) -> None:
    task_id = yard.add(expires_at=time.now())
    yard.expire()
    assert yard.retry(task_id)
    assert yard.expire() == []
    assert yard.claim()[0].task_id == task_id


def test_slices_end_and_are_taken_up_again(yard: Yard, time: FrozenClock) -> None:
    soon = time.now() + timedelta(seconds=1)
    with transaction.own(yard.database) as connection:
        for number in range(sweeps.SLICE + 10):
            task_id = f"00000000-0000-7000-a000-{number:012d}"
            connection.execute(
                scheduled.insert(), {"task_id": task_id, "run_at": soon, "queue": "q", "lane": 1, "attempts": 0}
            )
    time.advance(1)
    assert [len(yard.promote()) for _ in range(3)] == [sweeps.SLICE, 10, 0]


def test_sweeps_of_several_dispatchers_do_everything_once(yard: Yard, time: FrozenClock) -> None:
    soon = time.now() + timedelta(seconds=1)
    crashed = [yard.add(queue="r", backoff=NO_BACKOFF) for _ in range(20)]
    yard.claim("r", limit=20, lease_s=1)
    for _ in range(20):
        yard.add(run_at=soon)
        yard.add(run_at=soon, expires_at=soon)
    time.advance(2)
    results = at_once(*[yard.promote, yard.reap, yard.expire] * 4)
    assert [one for one in results if isinstance(one, Exception)] == []
    for _ in range(3):  # what one passed over because another held it is there for the next round
        results += [yard.promote(), yard.reap(), yard.expire()]
    expired = sum(len(result) for result in results[2::3])
    assert sum(len(result) for result in results[1::3]) == 20
    assert expired == 20
    assert yard.count(attempt) == 20
    assert yard.count(ready) == 40
    assert yard.count(scheduled) == yard.count(lease) == 0
    assert all(yard.attempts(task_id) == [(1, "lost")] for task_id in crashed)


def test_a_promoted_task_is_never_in_two_places(yard: Yard, time: FrozenClock) -> None:
    """Cancel and change meet a task on its way from one table to the next."""
    for number in range(20):
        task_id = yard.add(run_at=time.now() + timedelta(seconds=1))
        time.advance(1)
        deed = partial(yard.cancel, task_id) if number % 2 else partial(yard.change, task_id, lane=0)
        _, done = at_once(yard.promote, deed)
        assert done, f"a waiting task was not found: {done!r}"
        expected = Status.CANCELLED if number % 2 else Status.QUEUED
        yard.promote()
        assert yard.task(task_id).status == expected
        assert yard.count(scheduled) == 0
        assert [one.task_id for one in yard.claim(limit=9)] == ([] if number % 2 else [task_id])
        with transaction.own(yard.database) as connection:
            connection.execute(delete(lease))
