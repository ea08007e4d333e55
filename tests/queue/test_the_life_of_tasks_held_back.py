"""Any sequence of deeds on tasks with limits, chains and unique keys keeps what these promise, on both databases."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import Phase, settings
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
from sqlalchemy import delete, func, select, union_all

from support.machines import STEADY, TIMES
from support.people import ALICE
from support.yard import Yard
from taskyard.core.clock import FrozenClock
from taskyard.core.db import Base, open_database
from taskyard.core.ids import new_id
from taskyard.queue import chains, linking
from taskyard.queue.chain_tables import blocked, followup
from taskyard.queue.enqueue import Link, NewTask
from taskyard.queue.leases import Lease
from taskyard.queue.limit_tables import parked
from taskyard.queue.tables import lease, ready, scheduled, task
from taskyard.queue.unique import OPEN, OnConflict, Unique, Verdict

pytestmark = pytest.mark.slow

PLACES = (ready, scheduled, lease, parked, blocked)  # an open task stands in one of them
CAST = {"user", "key", "catalogue"}
LEASE_S = 10
ALL = 1000
BOUNDED = settings(STEADY, max_examples=12 * TIMES, stateful_step_count=30, phases=[Phase.generate])
bounds = st.sampled_from([None, 1, 2, 4])
new_tasks = st.fixed_dictionaries(
    {
        "limit_key": st.sampled_from([None, "x", "x", "y"]),
        "fairness_key": st.sampled_from([None, "f", "g"]),
        "lane": st.integers(0, 2),
        "on_failure": st.sampled_from(["cancel", "run"]),
        "unique_key": st.sampled_from([None, None, None, "u", "v"]),
        "on_conflict": st.sampled_from(OnConflict),
    }
)


class HeldBack(RuleBasedStateMachine):
    """Each rule does a deed; after each, what limits, chains and keys promise is looked for in the tables."""

    tasks = Bundle("tasks")
    leases = Bundle("leases")

    def __init__(self, yard: Yard, time: FrozenClock) -> None:
        super().__init__()
        self.yard, self.time = yard, time
        self.after: dict[str, tuple[list[str], str]] = {}
        self.unique: dict[str, str] = {}
        self.most: dict[str, int | None] = {"queue": None, "key": None}
        self.paused: set[str] = set()
        self.ended_as: dict[str, set[str]] = defaultdict(set)  # all that became of each, as it may be retried
        with yard.database.write.begin() as connection:
            for table in reversed(Base.metadata.sorted_tables):
                if table.name not in CAST:
                    connection.execute(delete(table))

    @initialize(target=tasks, some=st.lists(st.tuples(new_tasks, st.integers(0, 9)), min_size=6, max_size=10))
    def begin(self, some: list[tuple[dict[str, Any], int]]) -> Any:
        ids: list[str] = []
        for fields, on in some:
            ids += self.add([ids[on]] if on < len(ids) else [], **fields)
        return multiple(*ids)

    @rule(target=tasks, fields=new_tasks, some=st.lists(tasks, max_size=3, unique=True))
    def submit(self, fields: dict[str, Any], some: list[str]) -> Any:
        return multiple(*self.add(some, **fields))

    @rule(target=tasks, fields=new_tasks, some=st.lists(tasks, max_size=2, unique=True))
    def submit_twins(self, fields: dict[str, Any], some: list[str]) -> Any:
        return multiple(*self.add(some, 2, **fields))

    def add(
        self,
        some: list[str],
        count: int = 1,
        *,
        on_failure: str,
        unique_key: str | None,
        on_conflict: OnConflict,
        **fields: Any,
    ) -> list[str]:
        now = self.time.now()
        common: dict[str, Any] = {"owner_id": ALICE.id, "command": "c", "payload": "{}", "queue": "q", "run_at": now}
        link = Link(some, on_failure) if some else None
        backoff = {"kind": "constant", "base_s": 0}
        new_ones = [
            NewTask(
                new_id(), created_at=now, link=link, unique_key=unique_key, max_attempts=2, backoff=backoff,
                **common, **fields,
            ) for _ in range(count)
        ]  # fmt: skip
        unique = Unique(unique_key, OPEN, None, on_conflict) if unique_key else None
        holder = [one for one, key in self.unique.items() if key == unique_key and self.outcomes()[one] is None]
        outcomes = self.outcomes()
        falls = on_failure == "cancel" and any(outcomes[on] not in {None, "succeeded"} for on in some)
        verdicts = self.yard.do(linking.store, [(new, unique) for new in new_ones], {})
        stored = []
        for new in new_ones:
            verdict = verdicts[new.id]
            assert isinstance(verdict, Verdict)
            if verdict.other is not None:
                assert [verdict.other.id] == holder
                assert verdict.instead == (on_conflict is OnConflict.RETURN)
                continue
            assert ([verdict.replaced] if verdict.replaced else []) == holder
            if unique_key:
                self.unique[new.id] = unique_key
                holder = [] if falls else [new.id]
            self.after[new.id] = (some, on_failure)
            stored.append(new.id)
        return stored

    @rule(target=leases, limit=st.integers(1, 5))
    def claim(self, limit: int) -> Any:
        return multiple(*self.take(limit))

    def take(self, limit: int) -> list[Lease]:
        before = self.running()
        got = self.yard.claim(limit=limit, lease_s=LEASE_S)
        after = self.running()
        for key, count in (after - before).items():
            most = self.most["queue" if key == "" else "key"]
            assert most is None or after[key] <= most, f"{count} more of {key!r} run, of {most}"
        for one in got:
            assert self.yard.task(one.task_id).limit_key not in self.paused
            some, on_failure = self.after[one.task_id]
            for on in some:
                assert self.ended_as[on], "it goes before what it waits for"
                assert on_failure == "run" or "succeeded" in self.ended_as[on], "what it waits for came to nothing"
        return got

    @rule(one=leases, outcome=st.sampled_from(["succeeded", "succeeded", "failed", "released"]))
    def settle(self, one: Lease, outcome: str) -> None:
        self.yard.settle(one, outcome=outcome)

    @rule(task_id=tasks)
    def cancel(self, task_id: str) -> None:
        self.yard.cancel(task_id)

    @rule(task_id=tasks)
    def retry(self, task_id: str) -> None:
        """As the API does: only if nobody else has its key by now."""
        key = self.unique.get(task_id)
        outcomes = self.outcomes()
        taken = any(outcomes[one] is None for one, held in self.unique.items() if held == key and key)
        if not taken and self.yard.retry(task_id):
            self.after[task_id] = ([], "run")  # whoever says so of a task that fell with its chain wants it run

    @rule(queue=bounds, key=bounds)
    def set_limits(self, queue: int | None, key: int | None) -> None:
        self.yard.set(max_running=queue, key_max_running=key)
        self.most = {"queue": queue, "key": key}

    @rule(key=st.sampled_from(["x", "y"]))
    def pause_or_resume(self, key: str) -> None:
        self.paused ^= {key}
        self.yard.set_key(key, paused_at=self.time.now() if key in self.paused else None)

    @rule(by_s=st.sampled_from([0, 3, LEASE_S + 1]))
    def time_passes(self, by_s: int) -> None:
        self.time.advance(by_s)
        self.sweep()

    @rule()
    def a_worker_that_wants_all_gets_all_that_may_run(self) -> None:
        self.time.advance(LEASE_S + 1)  # by when nothing runs, and each key has been looked at again
        self.sweep()
        while got := self.take(ALL):
            self.yard.settle(*got, outcome="released", retry_in_s=60)
        assert self.yard.count(ready) == 0
        assert {key for [key] in self.rows(select(parked.c.limit_key))} <= self.paused

    def sweep(self) -> None:
        self.yard.reap()
        self.yard.promote()
        while self.yard.release():
            pass
        while self.yard.do(chains.go_on):
            pass
        assert self.yard.count(followup) == 0
        self.an_open_task_stands_in_one_place_and_an_ended_one_in_none()
        outcomes = self.outcomes()
        for [task_id] in self.rows(select(blocked.c.task_id)):
            assert any(outcomes[on] is None for on in self.after[task_id][0]), "nothing is left to wait for"

    @invariant()
    def an_open_task_stands_in_one_place_and_an_ended_one_in_none(self) -> None:
        outcomes = self.outcomes()
        for task_id, outcome in outcomes.items():
            if outcome is not None:
                self.ended_as[task_id].add(outcome)
        places = union_all(*(select(table.c.task_id) for table in PLACES))
        found = Counter(task_id for [task_id] in self.rows(places))
        assert found == Counter(one for one, outcome in outcomes.items() if outcome is None)
        held = Counter(key for one, key in self.unique.items() if outcomes[one] is None)
        assert not held or max(held.values()) == 1, "one open task at most has a key"

    def teardown(self) -> None:
        """Whatever was done, all of it ends once nothing is held back any more."""
        for key in tuple(self.paused):
            self.pause_or_resume(key)
        self.set_limits(None, None)
        for _ in range(2 * len(self.after) + 2):
            self.time.advance(61)
            self.sweep()
            self.yard.settle(*self.take(ALL))
            self.an_open_task_stands_in_one_place_and_an_ended_one_in_none()
        assert [one for one, outcome in self.outcomes().items() if outcome is None] == []

    def running(self) -> Counter[str]:
        """How many tasks run, by limit key; under "" all of the queue."""
        by_key = self.rows(select(lease.c.limit_key, func.count()).group_by(lease.c.limit_key))
        return Counter({"": sum(count for _, count in by_key)} | {key: count for key, count in by_key if key})

    def outcomes(self) -> dict[str, str | None]:
        return dict(self.rows(select(task.c.id, task.c.outcome)))

    def rows(self, query: Any) -> list[Any]:
        with self.yard.database.read.connect() as connection:
            return list(connection.execute(query))


@pytest.fixture
def yard(database_url: str) -> Iterator[Yard]:
    database = open_database(database_url)
    yield Yard(database)
    database.dispose()


def test_what_is_held_back_is_let_go_when_it_may_and_no_sooner(
    yard: Yard, time: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chains, "TOLD", 2)  # so that some are told later here too
    run_state_machine_as_test(lambda: HeldBack(yard, time), settings=BOUNDED)
