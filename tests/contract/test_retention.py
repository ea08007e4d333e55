"""Ended tasks are kept for the time that is set for their outcome, and no longer."""

from datetime import timedelta

import pytest
from sqlalchemy import insert

from support.people import ALICE
from support.yard import Yard, at_once
from taskyard.core import clock, transaction
from taskyard.core.clock import FrozenClock
from taskyard.core.ids import new_id
from taskyard.queue import retention
from taskyard.queue.tables import attempt, task, task_tag, unique_key

DAY = 86_400
KEEP = {"succeeded": DAY, "failed": 3 * DAY, "cancelled": DAY, "expired": 0, "lost": DAY}


def remove(yard: Yard) -> int:
    with yard.database.read.connect() as connection:
        over = retention.find(connection, KEEP, clock.now())
    if over is None:
        return 0
    with transaction.own(yard.database) as connection:
        return retention.remove_ended(connection, over)


def ended(yard: Yard, outcome: str) -> str:
    task_id = yard.add(queue=outcome, tags=["t"], max_attempts=1)
    leases = yard.claim(outcome)
    yard.settle(*leases, outcome=outcome)
    return task_id


def many_ended(yard: Yard, count: int) -> None:
    at = clock.now()
    row = {"owner_id": ALICE.id, "command": "c", "queue": "q", "lane": 1, "payload": "1", "tags": [], "created_at": at}
    rest = {"run_at": at, "timeout_s": 1, "max_attempts": 1, "on_lost": "retry", "outcome": "lost", "finished_at": at}
    with transaction.own(yard.database) as connection:
        connection.execute(insert(task), [{**row, **rest, "id": new_id()} for _ in range(count)])


def test_each_outcome_has_a_time_of_its_own(yard: Yard, time: FrozenClock) -> None:
    ended(yard, "succeeded")
    failed = ended(yard, "failed")
    open_task, expired = yard.add(), yard.add(expires_at=time.now())
    yard.expire()
    time.advance(DAY)
    assert remove(yard) == 0, "a day is not over before it is over"
    time.advance(1)
    assert remove(yard) == 1
    assert yard.attempts(failed) == [(1, "failed")]
    time.advance(2 * DAY)
    assert remove(yard) == 1
    time.advance(999 * DAY)
    assert remove(yard) == 0
    assert (yard.task(open_task).status, yard.task(expired).status) == ("queued", "expired")
    assert (yard.count(attempt), yard.count(task_tag)) == (0, 0), "what belongs to a task goes with it"


def test_a_retry_begins_a_new_time(yard: Yard, time: FrozenClock) -> None:
    task_id = ended(yard, "failed")
    time.advance(3 * DAY + 1)
    yard.retry(task_id)
    assert remove(yard) == 0


def test_slices_end_and_are_taken_up_again(yard: Yard, time: FrozenClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "SLICE", 4)
    many_ended(yard, 6)
    yard.cancel(yard.add())
    time.advance(DAY + 1)
    assert [remove(yard) for _ in range(3)] == [4, 3, 0]


def test_several_dispatchers_remove_each_once(yard: Yard, time: FrozenClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "SLICE", 5)
    many_ended(yard, 40)
    time.advance(DAY + 1)
    removed = at_once(*[lambda: sum(remove(yard) for _ in range(4))] * 3)
    while more := remove(yard):
        removed.append(more)
    assert sum(removed) == 40
    assert yard.count(task) == 0


def test_a_task_in_somebodys_hands_is_passed_over(yard: Yard, time: FrozenClock) -> None:
    if yard.database.is_sqlite:
        return  # one writer at a time: there is nobody else
    many_ended(yard, 2)
    time.advance(DAY + 1)
    with transaction.own(yard.database) as connection:
        connection.execute(task.select().limit(1).with_for_update())
        assert remove(yard) == 1
    assert remove(yard) == 1


def test_the_present_moment_counts_not_the_creation(yard: Yard, time: FrozenClock) -> None:
    yard.add(queue="failed", max_attempts=1, run_at=time.now() + timedelta(days=30))
    time.advance(30 * DAY)
    yard.promote()
    yard.settle(*yard.claim("failed"), outcome="failed")
    assert remove(yard) == 0


def test_what_is_large_goes_in_smaller_slices(yard: Yard, time: FrozenClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "CHARS", 1000)
    for _ in range(5):
        yard.add(queue="large")
        yard.settle(*yard.claim("large"), result='"' + "x" * 400 + '"')
    time.advance(DAY + 1)
    assert [remove(yard) for _ in range(4)] == [3, 2, 0, 0]


def test_a_task_that_has_gone_on_since_the_look_is_kept(yard: Yard, time: FrozenClock) -> None:
    task_id = ended(yard, "failed")
    time.advance(3 * DAY + 1)
    with yard.database.read.connect() as connection:
        over = retention.find(connection, KEEP, clock.now())
    assert over is not None
    assert over.ids == [task_id]
    yard.retry(task_id)
    yard.settle(*yard.claim("failed"), outcome="failed")
    with transaction.own(yard.database) as connection:
        assert retention.remove_ended(connection, over) == 0
    assert yard.task(task_id).status == "failed"


def test_a_task_whose_key_has_a_window_stays_until_it_is_over(yard: Yard, time: FrozenClock) -> None:
    task_id = ended(yard, "failed")
    until = time.now() + timedelta(days=30)
    with transaction.own(yard.database) as connection:
        row = {"owner_id": ALICE.id, "key": "k", "task_id": task_id, "statuses": [], "until": until}
        connection.execute(insert(unique_key), row)
    time.advance(29 * DAY)
    assert remove(yard) == 0
    time.advance(DAY)
    assert remove(yard) == 1
    assert yard.count(unique_key) == 0
