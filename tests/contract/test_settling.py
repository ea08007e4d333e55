"""Settling and heartbeats: the token is the fence."""

from datetime import timedelta
from functools import partial

import pytest

from support.yard import Yard, at_once
from taskyard.core.clock import FrozenClock
from taskyard.core.ids import NIL
from taskyard.queue.extend import MAX_LOG, Beat
from taskyard.queue.lifecycle import Status
from taskyard.queue.recording import Outcome
from taskyard.queue.settle import Report, settle
from taskyard.queue.tables import attempt, lease, ready, scheduled
from taskyard.queue.tokens import parts

NO_BACKOFF = {"kind": "constant", "base_s": 0}


def test_a_success_ends_the_task_with_its_result(yard: Yard, time: FrozenClock) -> None:
    task_id = yard.add()
    [held] = yard.claim()
    time.advance(3)
    [settled] = yard.settle(held, result='{"ok":true}', log="done")
    row = yard.task(task_id)
    assert (settled.status, row.status, row.result) == (Status.SUCCEEDED, "succeeded", '{"ok":true}')
    assert (row.attempts, row.failures, row.crashes, row.finished_at) == (1, 0, 0, time.now())
    assert yard.attempts(task_id) == [(1, "succeeded")]


def test_failures_are_retried_until_they_are_too_many(yard: Yard) -> None:
    task_id = yard.add(max_attempts=3, backoff=NO_BACKOFF)
    statuses = [yard.settle(*yard.claim(), outcome="failed", error=f'"{n}"')[0].status for n in (1, 2, 3)]
    assert statuses == [Status.QUEUED, Status.QUEUED, Status.FAILED]
    row = yard.task(task_id)
    assert (row.attempts, row.failures, row.error) == (3, 3, '"3"')
    assert yard.attempts(task_id) == [(1, "failed"), (2, "failed"), (3, "failed")]
    assert yard.count(ready) == yard.count(scheduled) == yard.count(lease) == 0


def test_a_retry_waits_for_its_time(yard: Yard, time: FrozenClock) -> None:
    task_id = yard.add()
    [settled] = yard.settle(*yard.claim(), outcome="failed", retry_in_s=30)
    assert settled.status == yard.task(task_id).status == Status.SCHEDULED
    assert yard.task(task_id).run_at == time.now() + timedelta(seconds=30)
    time.advance(29.999999)
    assert yard.promote() == []
    time.advance(0.000001)
    assert yard.promote() == ["q"]
    assert yard.claim()[0].attempt == 2


def test_a_release_counts_as_neither_and_keeps_the_error_of_the_last_failure(yard: Yard) -> None:
    task_id = yard.add(max_attempts=2, backoff=NO_BACKOFF)
    yard.settle(*yard.claim(), outcome="failed", error='"boom"')
    for _ in range(5):
        yard.settle(*yard.claim(), outcome="released")
    row = yard.task(task_id)
    assert (row.status, row.attempts, row.failures, row.crashes, row.error) == ("queued", 6, 1, 0, '"boom"')
    yard.settle(*yard.claim())
    assert yard.task(task_id).error is None


def test_a_late_answer_with_an_old_token_changes_nothing(yard: Yard, time: FrozenClock) -> None:
    task_id = yard.add(backoff=NO_BACKOFF)
    [old] = yard.claim(lease_s=5)
    time.advance(5)
    assert yard.reap() == ["q"]
    yard.promote()
    [new] = yard.claim(lease_s=60)
    before = yard.task(task_id)
    assert yard.settle(old)[0].status is None
    assert yard.settle(old, outcome="failed")[0].status is None
    assert yard.extend(old, progress=99) == [Beat.STALE]
    assert yard.task(task_id) == before
    assert yard.settle(new)[0].status == Status.SUCCEEDED
    assert yard.attempts(task_id) == [(1, "lost"), (2, "succeeded")]


def test_an_expired_lease_holds_until_it_is_reaped(yard: Yard, time: FrozenClock) -> None:
    yard.add()
    [held] = yard.claim(lease_s=5)
    time.advance(60)
    assert yard.extend(held) == [Beat.OK]
    assert yard.reap() == []
    assert yard.settle(held)[0].status == Status.SUCCEEDED


def test_one_token_twice_in_a_call_counts_once(yard: Yard) -> None:
    task_id = yard.add()
    [held] = yard.claim()
    reports = [Report(*held.held, Outcome.SUCCEEDED, result='"1"'), Report(*held.held, Outcome.FAILED)]
    assert [one.status for one in yard.do(settle, reports)] == [Status.SUCCEEDED, None]
    assert yard.task(task_id).result == '"1"'
    assert yard.count(attempt) == 1


def test_the_right_task_with_another_token_changes_nothing(yard: Yard) -> None:
    task_id = yard.add()
    [held] = yard.claim()
    forged = Report(task_id, "0" * 32, Outcome.SUCCEEDED)
    right = Report(*held.held, Outcome.FAILED, retry_in_s=1)
    assert [one.status for one in yard.do(settle, [forged, right, forged])] == [None, Status.SCHEDULED, None]


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "x",
        "x" * 36 + ".abc",  # as long as an id
        "00000000-0000-7000-8000-000000000001",
        "00000000-0000-7000-8000-000000000001.",
        "00000000-0000-7000-8000-00000000000A.abc",  # one task, one spelling
        "00000000-0000-7000-8000-000000000001.a-b",
        "00000000-0000-7000-8000-000000000001.abc\n",
        "00000000-0000-7000-8000-000000000001." + "a" * 44,
    ],
)
def test_what_is_no_token_is_none(token: str) -> None:
    assert parts(token) == (NIL, "")


def test_one_settle_one_cancel_one_reap_of_a_lease_and_exactly_one_ends_the_attempt(
    yard: Yard, time: FrozenClock
) -> None:
    for _ in range(10):
        task_id = yard.add(backoff=NO_BACKOFF)
        [held] = yard.claim(lease_s=5)
        time.advance(6)
        settled, reaped, again = at_once(partial(yard.settle, held), yard.reap, partial(yard.settle, held))
        winners = [settled[0].status is not None, bool(reaped), again[0].status is not None]
        assert sum(winners) == 1, (settled, reaped, again)
        assert len(yard.attempts(task_id)) == 1
        if reaped:
            yard.cancel(task_id)


def test_heartbeats_and_reports_of_the_same_leases_do_not_deadlock(yard: Yard) -> None:
    """Both in opposite order, many at once, over and over."""
    for _ in range(5):
        for number in range(40):
            yard.add(lane=2 - number % 3)  # leased in another order than that of their ids
        held = yard.claim(limit=40)
        backwards = held[::-1]
        deeds = [partial(yard.extend, *held), partial(yard.settle, *backwards), partial(yard.extend, *backwards)]
        results = at_once(*deeds, *deeds)
        assert [one for one in results if isinstance(one, Exception)] == []
        ended = [one.status for result in (results[1], results[4]) for one in result]
        assert sorted(ended, key=str) == [None] * 40 + [Status.SUCCEEDED] * 40


def test_thousands_are_settled_and_extended_in_one_call(yard: Yard) -> None:
    leases = []
    for _ in range(2):
        for _ in range(60):
            yard.add()
        leases += yard.claim(limit=100)
    unknown = [(f"00000000-0000-7000-9000-{n:012d}", "f" * 32) for n in range(17_000)]
    reports = [Report(*token, Outcome.SUCCEEDED) for token in [*unknown, *(one.held for one in leases)]]
    settled = yard.do(settle, reports)
    assert [one.status for one in settled[-len(leases) :]] == [Status.SUCCEEDED] * len(leases)
    assert {one.status for one in settled[: -len(leases)]} == {None}


def test_a_heartbeat_extends_and_tells(yard: Yard, time: FrozenClock) -> None:
    task_id = yard.add()
    [held] = yard.claim(lease_s=10)
    assert yard.extend(held, lease_s=100, progress=50, note="half", log="a") == [Beat.OK]
    assert yard.extend(held, lease_s=200, log="b") == [Beat.OK]
    row = yard.task(task_id)
    assert (row.progress, row.note) == (50, "half"), "what is not told stays"
    assert row.lease_expires_at == time.now() + timedelta(seconds=200)
    yard.settle(held, log="c")
    with yard.database.read.connect() as connection:
        assert connection.execute(attempt.select()).one().log == "abc"


def test_heartbeats_with_and_without_news_go_in_one_call(yard: Yard) -> None:
    ids = [yard.add() for _ in range(3)]
    first, second, third = yard.claim(limit=3)
    yard.extend(first, progress=1)
    yard.extend(second, note="n")
    assert yard.extend(first, second, third) == [Beat.OK] * 3
    assert [(yard.task(i).progress, yard.task(i).note) for i in ids] == [(1, None), (None, "n"), (None, None)]


def test_the_log_keeps_its_end(yard: Yard) -> None:
    yard.add()
    [held] = yard.claim()
    yard.extend(held, log="é" * MAX_LOG)
    yard.extend(held, log="the end")
    yard.settle(held, log="!")
    with yard.database.read.connect() as connection:
        log = connection.execute(attempt.select()).one().log
    assert len(log) == MAX_LOG
    assert log.endswith("éthe end!")


def test_a_cancelled_worker_is_told_and_decides(yard: Yard) -> None:
    obeys, finishes = yard.add(), yard.add()
    first, second = yard.claim(limit=2)
    assert yard.cancel(obeys) == yard.cancel(finishes) == Status.RUNNING
    assert yard.cancel(obeys) == Status.RUNNING, "to ask again is no error"
    assert yard.extend(first, second) == [Beat.CANCEL] * 2
    assert yard.settle(first, outcome="failed")[0].status == Status.CANCELLED
    assert yard.settle(second)[0].status == Status.SUCCEEDED, "done is done"
    assert yard.attempts(obeys) == [(1, "cancelled")]
