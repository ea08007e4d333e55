"""Attempts that succeeded are settled all at once, where nothing more is to be done of them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update

from support.people import ALICE, BOB
from support.signals import until
from support.yard import Yard, at_once
from taskyard.commands.models import CommandSchema
from taskyard.core import clock, transaction
from taskyard.core.clock import FrozenClock
from taskyard.core.ids import new_id
from taskyard.events.tables import EVERYONE, subscription
from taskyard.queue import linking, read
from taskyard.queue.done import all_done
from taskyard.queue.enqueue import Link, NewTask
from taskyard.queue.extend import MAX_LOG, Extension, extend
from taskyard.queue.leases import Lease
from taskyard.queue.lifecycle import Status
from taskyard.queue.read import every_attempt
from taskyard.queue.recording import Outcome
from taskyard.queue.settle import Report, Settled, settle
from taskyard.queue.tables import attempt, lease, task
from taskyard.tasks.settling import DONE

on_postgresql = pytest.mark.parametrize("opened", ["postgresql"], indirect=True)  # SQLite has one writer at a time
_WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


@pytest.fixture(autouse=True)
def unheard(yard: Yard) -> None:
    """Nobody has subscribed, and no command has schemas."""
    for table in (subscription, CommandSchema.__table__):
        change(yard, delete(table))


def reports(leases: list[Lease], **fields: Any) -> list[Report]:
    return [Report(*one.held, Outcome.SUCCEEDED, **fields) for one in leases]


def settle_at_once(yard: Yard, sent: list[Report]) -> list[Settled] | None:
    """As requests do: on PostgreSQL without a transaction."""
    database = yard.database
    with database.write.begin() if database.is_sqlite else database.read.connect() as connection:
        return DONE.settle(connection, sent, clock.now())


def rows(yard: Yard) -> list[list[Any]]:
    """All of tasks, attempts and leases, but for their ids, and but for where an attempt is kept."""
    left_out = {"id", "task_id", "token", "done_by", "begun_at"}
    found = []
    with yard.database.read.connect() as connection:
        for table, *order in (
            (task, task.c.id),
            (every_attempt, every_attempt.c.task_id, every_attempt.c.number),
            (lease, lease.c.task_id),
        ):
            columns = [one for one in table.c if one.name not in left_out]
            found.append([tuple(row) for row in connection.execute(select(*columns).order_by(*order))])
    return found


@pytest.mark.parametrize("logs", [("begun\n", "ende\u0301\n"), ("begun\n", ""), ("", "ende\u0301\n"), ("", "")])
def test_it_leaves_what_a_settlement_in_steps_leaves(yard: Yard, time: FrozenClock, logs: tuple[str, str]) -> None:
    first, last = logs

    def some() -> list[Report]:
        yard.add(payload='{"a": 1}', tags=["x"], max_attempts=5, backoff={"kind": "constant", "base_s": 0})
        yard.settle(*yard.claim(), outcome="failed", error='"boom"')
        for command in ("c", "d"):
            yard.add(command=command)
        held = yard.claim(limit=3)
        yard.extend(held[0], log=first, progress=40)
        return reports(held, result='{"ok": "\\u0000\\"{,}"}', log=last)

    told = yard.do(settle, some())
    in_steps = rows(yard)
    with transaction.own(yard.database) as connection:
        for table in (attempt, task):
            connection.execute(delete(table))
    assert settle_at_once(yard, some()) == told == [Settled(Status.SUCCEEDED)] * 3
    assert rows(yard) == in_steps
    assert in_steps[2] == []


@pytest.mark.parametrize("own", [{"result"}, {"log"}, {"result", "log"}])
def test_each_gets_its_own_result_and_log(yard: Yard, own: set[str]) -> None:
    for _ in range(3):
        yard.add()
    sent = [
        replace(one, **{name: f'"{name} {number}"' for name in own})
        for number, one in enumerate(reports(yard.claim(limit=3), result='"same"', log="same\n"))
    ]
    assert settle_at_once(yard, sent)
    kept = select(task.c.id, task.c.result, attempt.c.log).join(attempt, attempt.c.task_id == task.c.id)
    with yard.database.read.connect() as connection:
        found = {tuple(row) for row in connection.execute(kept)}
    assert found == {(one.task_id, one.result, one.log) for one in sent}


def test_one_that_left_no_log_has_no_row_but_in_its_task(yard: Yard, time: FrozenClock) -> None:
    for _ in range(2):
        yard.add()
    held, began = yard.claim(limit=2), clock.now()
    time.advance(3)
    assert settle_at_once(yard, reports(held))
    assert yard.count(attempt) == 0
    with yard.database.read.connect() as connection:
        [first], [second] = (list(read.attempts(connection, one.task_id)) for one in held)
    assert tuple(first) == (held[0].task_id, 1, "w", began, clock.now(), "succeeded", None, "")
    assert tuple(second)[1:] == tuple(first)[1:]


def test_of_a_long_log_the_end_is_kept(yard: Yard) -> None:
    yard.add()
    held = yard.claim()
    yard.extend(*held, log="a" * MAX_LOG)
    assert settle_at_once(yard, reports(held, log="é" * 10))
    with yard.database.read.connect() as connection:
        assert connection.execute(select(attempt.c.log)).scalar_one() == "a" * (MAX_LOG - 10) + "é" * 10


def test_one_whose_cancellation_was_asked_for_has_succeeded(yard: Yard) -> None:
    task_id = yard.add()
    held = yard.claim()
    yard.cancel(task_id)
    assert settle_at_once(yard, reports(held))
    assert (yard.task(task_id).status, yard.attempts(task_id)) == ("succeeded", [(1, "succeeded")])


def followed(yard: Yard, held: Lease) -> None:
    yard.do(linking.enqueue, [linked(held.task_id)])


def limited(yard: Yard, held: Lease) -> None:
    change(yard, update(lease).where(lease.c.task_id == held.task_id).values(limit_key="k"))


def taken_over(yard: Yard, held: Lease) -> None:
    change(yard, update(lease).where(lease.c.task_id == held.task_id).values(token="another"))


def given_up(yard: Yard, held: Lease) -> None:
    change(yard, delete(lease).where(lease.c.task_id == held.task_id))


def checked(yard: Yard, held: Lease) -> None:
    schemas = {"command": "c", "version": 1, "result_schema": {"type": "object"}, "created_at": clock.now()}
    change(yard, insert(CommandSchema).values(schemas))
    change(yard, update(task).where(task.c.id == held.task_id).values(command_version=1))


def heard(yard: Yard, _: Lease, owner_id: str = ALICE.id) -> None:
    change(yard, insert(subscription).values(owner_id=owner_id, type="*", subscriber_id=new_id()))


def heard_by_all(yard: Yard, held: Lease) -> None:
    heard(yard, held, EVERYONE)


@pytest.mark.parametrize("more", [followed, limited, taken_over, given_up, checked, heard, heard_by_all])
def test_where_there_is_more_to_do_of_one_of_them_nothing_is_done(
    yard: Yard, more: Callable[[Yard, Lease], None]
) -> None:
    for _ in range(3):
        yard.add()
    yard.settle(*yard.claim(limit=3), outcome="released")  # what was written of an attempt before stays, too
    held = yard.claim(limit=3)
    more(yard, held[1])
    before = rows(yard)
    assert settle_at_once(yard, reports(held)) is None
    assert rows(yard) == before
    if more not in {heard, heard_by_all}:
        assert settle_at_once(yard, reports([held[0], held[2]])) == [Settled(Status.SUCCEEDED)] * 2


def test_what_others_hear_and_what_is_not_checked_hinders_nothing(yard: Yard) -> None:
    heard(yard, Lease, BOB.id)
    change(yard, insert(CommandSchema).values(command="free", version=1, created_at=clock.now()))
    yard.add(command="free", command_version=1)
    assert settle_at_once(yard, reports(yard.claim()))


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.RELEASED, Outcome.LOST])
def test_it_is_for_successes_alone_and_for_each_task_once(yard: Yard, outcome: Outcome) -> None:
    for _ in range(2):
        yard.add()
    one, two = reports(yard.claim(limit=2))
    assert all_done([one, two])
    assert not all_done([one, replace(two, outcome=outcome)])
    assert not all_done([one, one])


@on_postgresql
def test_a_heartbeat_that_comes_first_is_in_the_log(yard: Yard) -> None:
    task_id = yard.add()
    held = yard.claim()
    with yard.database.write.begin() as connection:
        extend(connection, [Extension(*held[0].held, 60, log="beat\n")], clock.now())
        told = in_a_thread(yard, held)
        connection.commit()
    assert told() == [Settled(Status.SUCCEEDED)]
    assert yard.task(task_id).status == "succeeded"
    with yard.database.read.connect() as connection:
        assert connection.execute(select(attempt.c.log)).scalar_one() == "beat\nend\n"


@on_postgresql
def test_whoever_waits_for_it_and_comes_first_is_seen(yard: Yard) -> None:
    yard.add()
    held = yard.claim()
    with yard.database.write.begin() as connection:
        linking.enqueue(connection, [linked(held[0].task_id)], clock.now())
        told = in_a_thread(yard, held)
        connection.commit()
    assert told() is None
    assert yard.settle(*held)[0].ready == ["q"]


@on_postgresql
def test_where_one_lease_is_lost_meanwhile_none_is_settled(yard: Yard) -> None:
    for _ in range(2):
        yard.add()
    held = yard.claim(limit=2)
    with yard.database.write.begin() as connection:
        connection.execute(delete(lease).where(lease.c.task_id == held[1].task_id))
        told = in_a_thread(yard, held)
        connection.commit()
    assert told() is None
    assert (yard.task(held[0].task_id).status, yard.count(every_attempt)) == ("running", 0)


@on_postgresql
def test_of_two_that_settle_one_lease_at_once_one_is_told_that_it_did(yard: Yard) -> None:
    for _ in range(20):
        yard.add()
        sent = reports(yard.claim())
        told = at_once(*[partial(settle_at_once, yard, sent)] * 3)
        assert sorted(one is None for one in told) == [False, True, True]
    assert yard.count(every_attempt) == 20


def change(yard: Yard, statement: Any) -> None:
    with transaction.own(yard.database) as connection:
        connection.execute(statement)


def linked(to: str) -> NewTask:
    now = clock.now()
    return NewTask(new_id(), ALICE.id, "c", "{}", "q", 1, now, now, link=Link([to], "cancel"))


def in_a_thread(yard: Yard, held: list[Lease]) -> Callable[[], Any]:
    """Settle in a thread that waits for a lock by now; what gives its answer."""
    pool = ThreadPoolExecutor(1)
    told = pool.submit(settle_at_once, yard, reports(held, log="end\n"))
    pool.shutdown(wait=False)
    with yard.database.read.connect() as connection:
        until(lambda: connection.execute(_WAITING).scalar_one())
    return told.result
