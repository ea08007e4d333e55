"""kill -9 at every point of every transaction of the hot path: all of it is there or nothing, and work goes on."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, insert, select, update

from support.killed import ALONE, KEPT_S, Call, Duty, Mortals
from support.people import ALICE, MIA
from support.yard import Yard
from taskyard.core import clock
from taskyard.core.db import Base, open_database
from taskyard.core.ids import new_id
from taskyard.queue.chain_tables import blocked
from taskyard.queue.leases import Lease
from taskyard.queue.limit_tables import parked
from taskyard.queue.read import every_attempt
from taskyard.queue.tables import lease, ready, scheduled, task, unique_key
from taskyard.schedules.models import Schedule
from taskyard.schedules.schemas import ScheduledTask
from taskyard.tasks.operation_models import Operation
from taskyard.users.models import Key

pytestmark = pytest.mark.e2e
AT_ONCE = {"kind": "constant", "base_s": 0}
BESIDE = {"worker", "queue"}  # written in transactions of their own, before the deed's
Deed = Callable[[Yard], Call | Duty]


def submit(_: Yard) -> Call:
    return Call("/v1/tasks", {"command": "c", "queue": "q", "tags": ["a", "b"], "unique": {"key": "k"}})


def submit_many(_: Yard) -> Call:
    return Call("/v1/tasks/batch", {"tasks": [{"command": "c", "queue": "q", "delay_s": n} for n in range(3)]})


def submit_alone(_: Yard) -> Call:
    """On PostgreSQL a transaction by itself."""
    return Call("/v1/tasks/batch", {"tasks": [{"command": "c", "queue": "q", "tags": ["a"]}] * 3})


def submit_group(yard: Yard) -> Call:
    """Its second task waits for the first, its first for another, and its completion for both."""
    first = {"command": "c", "queue": "q", "after": [yard.add(owner_id=MIA.id)]}
    second = {"command": "c", "queue": "q", "after": ["#0"]}
    return Call("/v1/groups", {"tasks": [first, second], "completion": {"command": "c", "queue": "q"}})


def replace(yard: Yard) -> Call:
    first = yard.add(owner_id=MIA.id, unique_key="k")
    with yard.database.write.begin() as connection:
        held = {"owner_id": MIA.id, "key": "k", "task_id": first, "statuses": ["queued"]}
        connection.execute(unique_key.insert().values(held))
    return Call("/v1/tasks", {"command": "c", "queue": "q", "unique": {"key": "k", "on_conflict": "replace"}})


def claim(yard: Yard) -> Call:
    call = claim_alone(yard)
    return Call(call.path, {**call.json, "claim_id": "c"})


def claim_alone(yard: Yard) -> Call:
    for lane in (0, 1, 2):
        yard.add(lane=lane, backoff=AT_ONCE)
    return Call("/v1/leases", {"queues": ["q"], "worker": "w", "limit": 3})


def claim_limited(yard: Yard) -> Call:
    """What is over the limit of its key is parked meanwhile."""
    yard.set(key_max_running=1)
    for _ in range(3):
        yard.add(limit_key="k", backoff=AT_ONCE)
    return Call("/v1/leases", {"queues": ["q"], "worker": "w", "limit": 3, "claim_id": "c"})


def claim_by_shares(yard: Yard) -> Call:
    yard.set(weights={"a": 1, "b": 2})
    for key in ("a", "b", "b"):
        yard.add(fairness_key=key, backoff=AT_ONCE)
    return Call("/v1/leases", {"queues": ["q"], "worker": "w", "limit": 3, "claim_id": "c"})


def extend(yard: Yard) -> Call:
    held = _held(yard, 2)
    return Call("/v1/leases/extend", {"leases": [{"token": one.token, "log": "line\n"} for one in held]})


def settle(yard: Yard) -> Call:
    done, failed, released = _held(yard, 3)
    reports = [
        {"token": done.token, "outcome": "succeeded", "result": {"ok": True}},
        {"token": failed.token, "outcome": "failed", "error": {"message": "boom"}},
        {"token": released.token, "outcome": "released", "retry_in_s": 60},
    ]
    return Call("/v1/leases/settle", {"leases": reports})


def settle_alone(yard: Yard) -> Call:
    """On PostgreSQL a transaction by itself."""
    reports = [{"token": one.token, "outcome": "succeeded", "log": "done\n"} for one in _held(yard, 3)]
    return Call("/v1/leases/settle", {"leases": reports})


def settle_limited(yard: Yard) -> Call:
    """What is parked for this one comes back."""
    yard.set(key_max_running=1)
    for _ in range(2):
        yard.add(limit_key="k", backoff=AT_ONCE)
    [held] = yard.claim(limit=2)
    return Call("/v1/leases/settle", {"leases": [{"token": held.token, "outcome": "succeeded"}]})


def settle_followed(yard: Yard) -> Call:
    """What waits for this one is let go."""
    [held] = _held(yard, 1)
    yard.add_after(held.task_id)
    return Call("/v1/leases/settle", {"leases": [{"token": held.token, "outcome": "succeeded"}]})


def promote(yard: Yard) -> Duty:
    for number in range(3):
        yard.add(run_at=clock.now() + timedelta(milliseconds=50 + number))
    return Duty("promote")


def reap(yard: Yard) -> Duty:
    _held(yard, 3, lease_s=0)
    return Duty("reap")


def expire(yard: Yard) -> Duty:
    for _ in range(3):
        yard.add(expires_at=clock.now() + timedelta(milliseconds=50))
    return Duty("expire")


def release(yard: Yard) -> Duty:
    """A limit was raised, so that what is parked may come back."""
    yard.set(key_max_running=1)
    for _ in range(3):
        yard.add(limit_key="k", backoff=AT_ONCE)
    yard.claim(limit=3)
    yard.set(key_max_running=3)
    return Duty("release")


def follow(yard: Yard) -> Duty:
    """A chain falls from one to the next."""
    first = yard.add()
    yard.add_after(yard.add_after(first))
    yard.cancel(first)
    return Duty("follow")


def fire(yard: Yard) -> Duty:
    """A schedule is due."""
    now = clock.now()
    wanted = {"cron": "@yearly", "task": ScheduledTask().load({"command": "c", "queue": "q"}), "next_at": now}
    with yard.database.write.begin() as connection:
        connection.execute(insert(Schedule).values(name="s", owner_id=MIA.id, **wanted))
    return Duty("schedules")


def remove_ended(yard: Yard) -> Duty:
    yard.settle(*_held(yard, 3))
    ended = timedelta(seconds=KEPT_S["succeeded"] + 1)
    with yard.database.write.begin() as connection:
        connection.execute(task.update().values(finished_at=clock.now() - ended))
    return Duty("remove-ended")


def operate(yard: Yard) -> Duty:
    """Tasks with keys are retried by an operation."""
    for key in "ab":
        yard.add(unique_key=key, max_attempts=1)
    yard.settle(*yard.claim(limit=2), outcome="failed")
    wanted = {"owner_id": ALICE.id, "action": "retry", "filter": {"queue": "q", "owner": "all"}, "arguments": {}}
    with yard.database.write.begin() as connection:
        connection.execute(insert(Operation).values(from_id=new_id(), **wanted))
    return Duty("operate")


DEEDS: list[Deed] = [
    *(submit, submit_many, submit_group, submit_alone, replace),
    *(claim, claim_alone, claim_limited, claim_by_shares, extend),
    *(settle, settle_alone, settle_limited, settle_followed),
    *(promote, reap, expire, release, follow, fire, operate, remove_ended),
]


def _held(yard: Yard, count: int, lease_s: int = 600) -> list[Lease]:
    for _ in range(count):
        yard.add(backoff=AT_ONCE)
    return yard.claim(limit=count, lease_s=lease_s)


@pytest.fixture(scope="module")
def mortals() -> Iterator[Mortals]:
    made = Mortals()
    yield made
    made.end()


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.__name__)
def test_all_or_nothing(mortals: Mortals, database_url: str, tmp_path: Path, deed: Deed) -> None:
    database = open_database(database_url)
    yard = Yard(database)
    try:
        with database.write.begin() as connection:  # so that no process of these has to write down that it was used
            connection.execute(update(Key).values(last_used_at=clock.now() + timedelta(days=1)))
        does = deed(yard)
        before = rows(yard)
        names: list[str] = []
        while rows(yard) == before:
            name = mortals.point_of_death(database_url, does, len(names) + 1, tmp_path)
            assert name is not None, f"it was done, and nothing is there; it passed {names}"
            names.append(name)
        last = ALONE if deed in {submit_alone, claim_alone, settle_alone} and not database.is_sqlite else "the commit"
        assert names[-1] == f"after {last}", f"something was kept before: {names}"
        assert names[-2] == f"before {last}"
        assert len(names) >= (2 if last == ALONE else 4), names
        finish(yard)
    finally:
        database.dispose()


def rows(yard: Yard) -> dict[str, Any]:
    with yard.database.read.connect() as connection:
        return {
            table.name: sorted(map(str, connection.execute(select(table))))
            for table in Base.metadata.sorted_tables
            if isinstance(table, Table) and table.name not in BESIDE
        }


def finish(yard: Yard) -> None:
    """What is left is run by others, as if nothing had happened."""
    with yard.database.write.begin() as connection:
        connection.execute(lease.update().values(expires_at=clock.now()))
        connection.execute(scheduled.update().values(run_at=clock.now()))
    yard.reap()
    yard.promote()
    while leases := yard.claim(limit=10):
        assert all(one.status == "succeeded" for one in yard.settle(*leases))
    assert [yard.count(table) for table in (ready, scheduled, lease, parked, blocked)] == [0] * 5
    with yard.database.read.connect() as connection:
        assert connection.execute(select(task.c.id).where(task.c.outcome.is_(None))).all() == []
        settled = list(
            connection.execute(select(every_attempt.c.task_id).where(every_attempt.c.outcome == "succeeded")).scalars()
        )
    assert len(settled) == len(set(settled))
