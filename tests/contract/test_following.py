"""What waits for others is let go once, whoever ends those and whatever else happens at that moment."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from support.people import ALICE
from support.yard import Yard, at_once
from taskyard.core import clock
from taskyard.core.clock import FrozenClock
from taskyard.core.errors import Conflict
from taskyard.core.ids import new_id
from taskyard.queue import chains, linking, purge
from taskyard.queue.chain_tables import blocked, dependency, followup
from taskyard.queue.enqueue import Link, NewTask
from taskyard.queue.tables import ready

ROUNDS = 20
SOON = timedelta(seconds=10)


def follower(yard: Yard, *after: str, **fields: Any) -> str:
    return yard.add_after(*after, **{"queue": "f", **fields})


def go_on(yard: Yard) -> None:
    while yard.do(chains.go_on):
        pass


def is_clean(yard: Yard) -> bool:
    go_on(yard)
    return [yard.count(table) for table in (blocked, dependency, followup)] == [0, 0, 0]


def test_a_follower_that_comes_while_its_predecessor_ends_is_let_go(yard: Yard) -> None:
    for _ in range(ROUNDS):
        first = yard.add()
        held = yard.claim()
        _, then = at_once(partial(yard.settle, *held), partial(follower, yard, first))
        assert isinstance(then, str), then
        assert is_clean(yard)
        assert yard.task(then).status == "queued"
        yard.settle(*yard.claim("f"))


def test_the_last_of_those_that_end_at_once_lets_it_go(yard: Yard) -> None:
    for _ in range(ROUNDS):
        ids = [yard.add() for _ in range(4)]
        then = follower(yard, *ids)
        held = yard.claim(limit=4)
        assert [
            one for one in at_once(*(partial(yard.settle, one) for one in held)) if isinstance(one, Exception)
        ] == []
        assert is_clean(yard)
        assert yard.task(then).status == "queued"
        assert yard.count(ready) == 1
        yard.settle(*yard.claim("f"))


def test_one_that_is_cancelled_while_it_is_let_go_is_cancelled_or_queued(yard: Yard) -> None:
    for _ in range(ROUNDS):
        first = yard.add()
        then = follower(yard, first)
        _, done = at_once(partial(yard.settle, *yard.claim()), partial(yard.cancel, then))
        assert done == "cancelled"
        assert is_clean(yard)
        assert (yard.task(then).status, yard.count(ready)) == ("cancelled", 0)


@pytest.mark.parametrize("deed", ["cancel", "retry", "remove"])
def test_a_follower_that_comes_at_the_moment_of(yard: Yard, deed: str) -> None:
    for _ in range(ROUNDS):
        first = yard.add(max_attempts=1)
        if deed != "cancel":
            yard.settle(*yard.claim(), outcome="failed")
        _, then = at_once(partial(getattr(yard, deed), first), partial(follower, yard, first))
        go_on(yard)
        if deed == "remove" and isinstance(then, Conflict):
            continue
        assert isinstance(then, str), then
        status = yard.task(then).status
        if deed == "retry":
            assert status in {"scheduled", "cancelled"}
            yard.settle(*yard.claim())
            assert yard.task(then).status == ("queued" if status == "scheduled" else "cancelled")
            yard.cancel(then)
        else:
            assert status == "cancelled"
        assert is_clean(yard)


def test_many_that_wait_for_one_are_told_in_slices(yard: Yard) -> None:
    first = yard.add()
    now = clock.now()
    fields = {"owner_id": ALICE.id, "command": "c", "payload": "{}", "queue": "f", "lane": 1, "run_at": now}
    tasks = [NewTask(id=new_id(), created_at=now, link=Link([first], "cancel"), **fields) for _ in range(1200)]
    yard.do(linking.enqueue, tasks)
    yard.settle(*yard.claim())
    assert yard.count(ready) == chains.TOLD
    assert yard.count(followup) == 1
    assert is_clean(yard)
    assert yard.count(ready) == 1200


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_one_that_waits_for_many_that_end_together_is_told_of_all(yard: Yard, outcome: str) -> None:
    ids = [yard.add(max_attempts=1) for _ in range(600)]
    then = [follower(yard, *ids, on_failure="run"), follower(yard, *ids[550:])]
    yard.settle(*yard.claim(limit=600), outcome=outcome)
    assert is_clean(yard)
    assert [yard.task(one).status for one in then] == ["queued", "queued" if outcome == "succeeded" else "cancelled"]


def test_many_that_wait_for_some_that_end_together_are_told_of_all(yard: Yard) -> None:
    ids = [yard.add() for _ in range(3)]
    then = [follower(yard, *ids) for _ in range(200)]
    yard.settle(*yard.claim(limit=3))
    assert is_clean(yard)
    assert {yard.task(one).status for one in then} == {"queued"}


def test_what_failed_is_not_retried_before_all_were_told(yard: Yard) -> None:
    first = yard.add(max_attempts=1)
    now = clock.now()
    fields = {"owner_id": ALICE.id, "command": "c", "payload": "{}", "queue": "f", "lane": 1, "run_at": now}
    yard.do(linking.enqueue, [NewTask(id=new_id(), created_at=now, link=Link([first]), **fields) for _ in range(600)])
    yard.settle(*yard.claim(), outcome="failed")
    assert not yard.retry(first)
    go_on(yard)
    assert yard.retry(first)


def test_a_long_chain_falls_in_short_transactions(yard: Yard) -> None:
    ids = [yard.add()]
    for _ in range(300):
        ids.append(follower(yard, ids[-1]))
    yard.cancel(ids[0])
    assert yard.task(ids[1]).status == "cancelled"
    assert yard.task(ids[2]).status == "scheduled", "further down goes on in the dispatcher"
    assert yard.do(chains.go_on) <= chains.STEPS + 1
    assert is_clean(yard)
    assert yard.task(ids[-1]).status == "cancelled"


@pytest.mark.parametrize("end", ["expire", "purge", "reap"])
def test_however_a_predecessor_ends_its_followers_hear_of_it(yard: Yard, time: FrozenClock, end: str) -> None:
    first = yard.add(expires_at=time.now() + SOON if end == "expire" else None, on_lost="hold")
    then, anyway = follower(yard, first), follower(yard, first, on_failure="run")
    if end == "reap":
        yard.claim(lease_s=5)
    time.advance(20)
    if end == "purge":
        yard.do(lambda connection, now: purge.cancel_waiting(connection, "q", now))
    else:
        getattr(yard, end)()
    assert (yard.task(then).status, yard.task(anyway).status) == ("cancelled", "queued")
    assert is_clean(yard)


def test_a_waiting_one_expires(yard: Yard, time: FrozenClock) -> None:
    first = yard.add()
    then = follower(yard, first, expires_at=time.now() + SOON)
    time.advance(20)
    assert yard.expire() == [then]
    assert is_clean(yard)
    yard.settle(*yard.claim())
    assert yard.task(then).status == "expired"


def test_its_time_for_retries_counts_from_when_it_is_let_go(yard: Yard, time: FrozenClock) -> None:
    first = yard.add()
    backoff = {"kind": "constant", "base_s": 1, "max_duration_s": 60}
    then = follower(yard, first, backoff=backoff)
    time.advance(100)
    yard.settle(*yard.claim())
    assert yard.task(then).retry_until == time.now() + timedelta(seconds=60)
    assert yard.task(then).run_at == time.now()


def test_a_move_takes_what_waits_along(yard: Yard) -> None:
    first = yard.add()
    then = follower(yard, first)
    assert yard.change(then, queue="g", lane=0)
    yard.settle(*yard.claim())
    assert [one.task_id for one in yard.claim("g")] == [then]


def test_settles_and_followers_at_once_wait_for_nobody(yard: Yard) -> None:
    ids = [yard.add() for _ in range(40)]

    def work() -> None:
        for _ in range(8):
            yard.settle(*reversed(yard.claim(limit=5)))

    def come(order: int) -> None:
        for at in range(0, 40, 4):
            follower(yard, *ids[at : at + 4][::order], ids[(at + 4) % 40])

    def fall() -> None:
        for task_id in ids[::3]:
            yard.cancel(task_id)

    results = at_once(work, work, partial(come, 1), partial(come, -1), fall)
    assert [one for one in results if one is not None] == []
    while held := yard.claim(limit=10):
        yard.settle(*held)
    assert is_clean(yard)
    with yard.database.read.connect() as connection:
        assert connection.execute(select(blocked)).all() == []
