"""Any sequence of deeds leaves the queue as a simple model of it says, on both databases."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, delete, select

from support.machines import STEADY, TIMES
from support.model import JITTER, Life
from support.yard import Yard
from taskyard.core import transaction
from taskyard.core.clock import FrozenClock
from taskyard.core.db import open_database
from taskyard.queue import read
from taskyard.queue.leases import Lease
from taskyard.queue.lifecycle import RETRYABLE, Status
from taskyard.queue.read import Filter, every_attempt
from taskyard.queue.tables import attempt, lease, ready, scheduled, task, task_tag

pytestmark = pytest.mark.slow

PLACES = {"ready": ready, "scheduled": scheduled, "lease": lease}
TABLES = (lease, ready, scheduled, attempt, task_tag, task)
BOUNDED = settings(STEADY, max_examples=25 * TIMES, stateful_step_count=50)
SWEEPS = [(), ("promote",), ("reap", "promote"), ("promote", "reap"), ("expire",), ("expire", "reap", "promote")]
queues = st.sampled_from(["a", "a", "b"])
seconds = st.sampled_from([0, 0, 1, 30, 100])
lanes = st.integers(0, 2)
later = st.none() | seconds
new_tasks = st.fixed_dictionaries(
    {
        "queue": queues,
        "lane": lanes,
        "delay_s": seconds,
        "expires_s": st.sampled_from([None, None, None, 60, 200]),
        "max_attempts": st.integers(1, 3),
        "max_crashes": st.integers(1, 2),
        "on_lost": st.sampled_from(["retry", "retry", "retry", "hold", "fail"]),
        "backoff_s": st.sampled_from([0, 20]),
    }
)


class Lives(RuleBasedStateMachine):
    """Each rule does a deed to the queue and to the model; after each, the two are compared."""

    tasks = Bundle("tasks")
    leases = Bundle("leases")

    def __init__(self, yard: Yard, time: FrozenClock) -> None:
        super().__init__()
        self.yard, self.time = yard, time
        self.model: dict[str, Life] = {}
        self.looks = 0
        with transaction.own(yard.database) as connection:
            for table in TABLES:
                connection.execute(delete(table))

    @property
    def now(self) -> datetime:
        return self.time.now()

    def after(self, delay_s: int | None) -> datetime | None:
        return None if delay_s is None else self.now + timedelta(seconds=delay_s)

    @initialize(target=tasks, some=st.lists(new_tasks, min_size=4, max_size=8))
    def begin(self, some: list[dict[str, Any]]) -> Any:
        return multiple(*(self.add(**fields) for fields in some))

    @rule(target=tasks, fields=new_tasks)
    def enqueue(self, fields: dict[str, Any]) -> str:
        return self.add(**fields)

    def add(self, delay_s: int, expires_s: int | None, backoff_s: int, **fields: Any) -> str:
        life = Life(run_at=self.after(delay_s), expires_at=self.after(expires_s), backoff_s=backoff_s, **fields)
        life.wait(self.now)
        backoff = {"kind": "constant", "base_s": backoff_s, "cap_s": 3600}
        task_id = self.yard.add(run_at=life.run_at, expires_at=life.expires_at, backoff=backoff, **fields)
        self.model[task_id] = life
        return task_id

    @rule(
        target=leases,
        queue=queues,
        limit=st.integers(1, 5),
        lease_s=st.sampled_from([10, 60]),
        claim_id=st.sampled_from([None, "c"]),
    )
    def claim(self, queue: str, limit: int, lease_s: int, claim_id: str | None) -> Any:
        got = self.yard.claim(queue, limit=limit, lease_s=lease_s, claim_id=claim_id)
        if held := self.held_by(claim_id, queue):
            assert {one.token for one in got} == held, "a claim that is repeated gets what it got"
            return multiple()
        waiting = [i for i, life in self.model.items() if (life.place, life.queue) == ("ready", queue)]
        assert len(got) == min(limit, len(waiting))
        assert {one.task_id for one in got} <= set(waiting)
        lanes_of = [self.model[one.task_id].lane for one in got]
        assert lanes_of == sorted(lanes_of), "the higher priority comes first"
        for one in got:
            until = self.now + timedelta(seconds=lease_s)
            self.model[one.task_id].lease(one.token, until, claim_id)
        return multiple(*got)

    def held_by(self, claim_id: str | None, queue: str) -> set[str]:
        """The tokens of this claim, of tasks of this queue, that are not overdue."""
        return {
            life.token
            for life in self.model.values()
            if claim_id and life.token and life.claim_id == claim_id and life.queue == queue
            if life.lease_until > self.now
        }

    def is_held(self, one: Lease) -> bool:
        return one.task_id in self.model and self.model[one.task_id].token == one.token

    @rule(one=leases, lease_s=st.sampled_from([10, 60]))
    def extend(self, one: Lease, lease_s: int) -> None:
        before = self.rows()
        [beat] = self.yard.extend(one, lease_s=lease_s)
        if self.is_held(one):
            life = self.model[one.task_id]
            life.lease_until = self.after(lease_s)
            assert beat == ("cancel" if life.cancelled else "ok")
        else:
            assert (beat, self.rows()) == ("stale", before), "a stale token changes nothing"

    @rule(one=leases, twice=st.booleans(), outcome=st.sampled_from(["succeeded", "failed", "released"]), retry=later)
    def settle(self, one: Lease, twice: bool, outcome: str, retry: int | None) -> None:
        before, held = self.rows(), self.is_held(one)
        told = self.yard.settle(*[one] * (1 + twice), outcome=outcome, retry_in_s=retry)
        assert [answer.status for answer in told[held:]] == [None] * (len(told) - held)
        if not held:
            assert self.rows() == before, "a stale token changes nothing"
            return
        life = self.model[one.task_id]
        if life.settle(outcome, self.now, retry):
            self.adopt_backoff(one.task_id)
        assert told[0].status == life.status(self.now)

    def adopt_backoff(self, task_id: str) -> None:
        """How long the backoff is holds chance: it is right within its jitter, and then as the queue says."""
        life, found = self.model[task_id], self.yard.task(task_id).run_at
        waits_s = (found - self.now).total_seconds()
        assert abs(waits_s - life.backoff_s) <= life.backoff_s * JITTER + 1e-6
        life.run_at = found

    @rule(task_id=tasks)
    def cancel(self, task_id: str) -> None:
        told, life = self.yard.cancel(task_id), self.model.get(task_id)
        if life is None or life.outcome:
            assert told is None
        elif life.place == "lease":
            assert told == "running"
            life.cancelled = True
        else:
            assert told == "cancelled"
            life.end("cancelled")

    @rule(task_id=tasks, lane=st.none() | lanes, delay_s=later)
    def change(self, task_id: str, lane: int | None, delay_s: int | None) -> None:
        done = self.yard.change(task_id, lane=lane, run_at=self.after(delay_s), tags=["t"])
        life = self.model.get(task_id)
        assert done == (life is not None and life.place in {"ready", "scheduled"})
        if not done:
            return
        life.lane = life.lane if lane is None else lane
        life.run_at = self.after(delay_s) or life.run_at
        if lane is not None or delay_s is not None:
            life.wait(self.now)

    @rule(task_id=tasks)
    def retry(self, task_id: str) -> None:
        done, life = self.yard.retry(task_id), self.model.get(task_id)
        assert done == (life is not None and life.outcome in RETRYABLE)
        if done:
            life.reopen(self.now)

    @rule(task_id=tasks)
    def remove(self, task_id: str) -> None:
        done, life = self.yard.remove(task_id), self.model.get(task_id)
        assert done == (life is not None and life.outcome is not None)
        if done:
            del self.model[task_id]

    @rule(by_s=st.sampled_from([0, 1, 30, 120]), sweeps=st.sampled_from(SWEEPS))
    def time_passes(self, by_s: int, sweeps: tuple[str, ...]) -> None:
        self.time.advance(by_s)
        for name in sweeps:
            getattr(self, name)()

    def promote(self) -> None:
        due = [life for life in self.model.values() if life.place == "scheduled" and life.run_at <= self.now]
        assert sorted(self.yard.promote()) == sorted(life.queue for life in due)
        for life in due:
            life.place = "ready"

    def reap(self) -> None:
        overdue = {i: life for i, life in self.model.items() if life.token and life.lease_until <= self.now}
        assert len(self.yard.reap()) == len(overdue)
        for task_id, life in overdue.items():
            if life.lose(self.now):
                self.adopt_backoff(task_id)

    def expire(self) -> None:
        waiting = {i: life for i, life in self.model.items() if life.place in {"ready", "scheduled"}}
        late = {i: life for i, life in waiting.items() if life.expires_at and life.expires_at <= self.now}
        assert set(self.yard.expire()) == set(late)
        for life in late.values():
            life.end("expired")

    @invariant()
    def the_queue_is_as_the_model_says(self) -> None:
        self.looks += 1
        with self.yard.database.read.connect() as connection:
            self.every_open_task_stands_in_one_place_and_no_other_does(connection)
            self.each_task_reads_as_the_model_says(connection)
            self.a_list_of_a_status_holds_those_that_have_it(connection)

    def every_open_task_stands_in_one_place_and_no_other_does(self, connection: Connection) -> None:
        for name, table in PLACES.items():
            found = connection.execute(select(table.c.task_id)).scalars()
            assert sorted(found) == sorted(i for i, life in self.model.items() if life.place == name), name

    def each_task_reads_as_the_model_says(self, connection: Connection) -> None:
        runs: dict[str, list[str]] = {task_id: [] for task_id in self.model}
        for row in connection.execute(select(every_attempt).order_by(every_attempt.c.number)):
            runs[row.task_id].append(row.outcome)
        rows = read.newest(connection, Filter(), self.now, limit=1000)
        assert {row.id for row in rows} == set(self.model)
        for row in rows:
            told = (row.status, row.attempts, row.failures, row.crashes, runs[row.id])
            assert told == self.model[row.id].counts(self.now)
        for row in rows[self.looks % max(len(rows), 1) :][:1]:  # one each time, another the next
            assert read.one(connection, row.id, self.now) == row, "a list tells what the task itself does"

    def a_list_of_a_status_holds_those_that_have_it(self, connection: Connection) -> None:
        status = list(Status)[self.looks % len(Status)]
        found = read.newest(connection, Filter(status=status), self.now, limit=1000)
        wanted = [i for i, life in self.model.items() if status == life.status(self.now)]
        assert sorted(row.id for row in found) == sorted(wanted), status

    def rows(self) -> list[Any]:
        """All there is."""
        with self.yard.database.read.connect() as connection:
            return [sorted(map(repr, connection.execute(select(table)))) for table in TABLES]


@pytest.fixture
def yard(database_url: str) -> Iterator[Yard]:
    database = open_database(database_url)
    yield Yard(database)
    database.dispose()


def test_the_queue_does_what_its_model_does(yard: Yard, time: FrozenClock) -> None:
    run_state_machine_as_test(lambda: Lives(yard, time), settings=BOUNDED)
