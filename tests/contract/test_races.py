"""Two deeds on one task at the same moment: one of them wins, and the task is in one place afterwards."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from support.yard import Yard, at_once
from taskyard.queue.lifecycle import OUTCOMES
from taskyard.queue.read import every_attempt
from taskyard.queue.tables import lease, ready, scheduled, task

ROUNDS = 15


def places(yard: Yard) -> dict[str, int]:
    return {table.name: yard.count(table) for table in (ready, scheduled, lease) if yard.count(table)}


@pytest.mark.parametrize("other", ["cancel", "change", "remove"])
def test_a_claim_against(yard: Yard, other: str) -> None:
    deeds: dict[str, Callable[[str], Any]] = {
        "cancel": yard.cancel,
        "change": partial(yard.change, lane=0),
        "remove": yard.remove,
    }
    for _ in range(ROUNDS):
        task_id = yard.add()
        claimed, done = at_once(yard.claim, partial(deeds[other], task_id))
        assert not isinstance(claimed, Exception)
        assert not isinstance(done, Exception), done
        status = yard.task(task_id).status
        if claimed:
            assert status == "running"
            assert places(yard) == {"lease": 1}
            if other == "cancel":
                assert done == "running", "the claim was first, so the worker is told"
            yard.settle(*claimed)
        elif other == "cancel":
            assert (done, status, places(yard)) == ("cancelled", "cancelled", {})
        else:  # the change held it, so the claim passed it over
            assert (done, status, places(yard)) == (True, "queued", {"ready": 1})
            yard.settle(*yard.claim())


def test_two_retries_make_one_place(yard: Yard) -> None:
    for _ in range(ROUNDS):
        task_id = yard.add(max_attempts=1)
        yard.settle(*yard.claim(), outcome="failed")
        results = at_once(*[partial(yard.retry, task_id)] * 3)
        assert sorted(results) == [False, False, True]
        assert places(yard) == {"ready": 1}
        yard.settle(*yard.claim())


def test_a_retry_against_a_delete(yard: Yard) -> None:
    for _ in range(ROUNDS):
        task_id = yard.add(max_attempts=1)
        yard.settle(*yard.claim(), outcome="failed")
        retried, removed = at_once(partial(yard.retry, task_id), partial(yard.remove, task_id))
        assert sorted([retried, removed]) == [False, True]
        assert places(yard) == ({"ready": 1} if retried else {})
        if retried:
            yard.settle(*yard.claim())


def test_a_cancel_against_a_report_that_fails(yard: Yard) -> None:
    """The task goes back into the line while it is looked for there: it is found none the less."""
    for _ in range(ROUNDS):
        task_id = yard.add(backoff={"kind": "constant", "base_s": 0}, max_attempts=99)
        [held] = yard.claim()
        [settled], done = at_once(partial(yard.settle, held, outcome="failed"), partial(yard.cancel, task_id))
        assert done in {"cancelled", "running"}, done
        assert settled.status in {"cancelled", "queued"}
        assert yard.task(task_id).status == "cancelled"
        assert places(yard) == {}


def test_everything_at_once_leaves_every_task_in_one_place(yard: Yard) -> None:
    ids = [yard.add(backoff={"kind": "constant", "base_s": 0}) for _ in range(30)]

    def work() -> None:
        for _ in range(6):
            held = yard.claim(limit=5)
            yard.extend(*held)
            yard.settle(*held[::2], outcome="failed")
            yard.settle(*reversed(held[1::2]))

    def meddle() -> None:
        for task_id in ids:
            yard.change(task_id, lane=2)
            yard.cancel(task_id)
            yard.retry(task_id)

    def tidy() -> None:
        for task_id in reversed(ids):
            yard.cancel(task_id)
            yard.promote()
            yard.reap()

    results = at_once(work, work, work, meddle, tidy)
    assert [one for one in results if one is not None] == []
    open_tasks = [task_id for task_id in ids if yard.task(task_id).status not in OUTCOMES]
    assert sum(places(yard).values()) == len(open_tasks)
    assert yard.count(task) == 30
    for task_id in ids:
        numbers = [number for number, _ in yard.attempts(task_id)]
        assert numbers == list(range(1, len(numbers) + 1))
    assert yard.count(every_attempt) == sum(len(yard.attempts(task_id)) for task_id in ids)
