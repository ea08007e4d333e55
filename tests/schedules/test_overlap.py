"""What becomes of a due time while an earlier task of its schedule is open."""

from collections.abc import Callable

import pytest
from sqlalchemy import update

from support.caller import Caller
from support.made import Made
from support.ten_minutely import PATH, finish, put
from taskyard.core import transaction
from taskyard.core.clock import FrozenClock
from taskyard.core.db import Database
from taskyard.schedules import runs, sweep
from taskyard.schedules.models import Schedule

Dispatch = Callable[[], int]


def due_twice(noon: FrozenClock, dispatch: Dispatch) -> None:
    """At noon, and ten minutes later, when the task of noon is open still."""
    noon.advance(1)
    dispatch()
    noon.advance(600)
    dispatch()


def test_overlap_allow_makes_tasks_side_by_side(
    alice: Caller, noon: FrozenClock, dispatch: Dispatch, made: Made
) -> None:
    put(alice)
    for _ in range(3):
        noon.advance(600)
        dispatch()
    assert len(made.tasks()) == 3


def test_overlap_skip_leaves_out_what_comes_due_meanwhile(
    alice: Caller, noon: FrozenClock, dispatch: Dispatch, made: Made
) -> None:
    put(alice, overlap="skip")
    due_twice(noon, dispatch)
    finish(alice)
    noon.advance(600)
    dispatch()
    assert made.runs() == [("12:00", None), ("12:10", runs.STILL_OPEN), ("12:20", None)]


def test_overlap_queue_lets_one_due_time_wait_for_the_last_task(
    alice: Caller, noon: FrozenClock, dispatch: Dispatch, made: Made
) -> None:
    put(alice, overlap="queue")
    due_twice(noon, dispatch)
    assert alice.get(PATH).json["waiting_at"] == "2026-11-02T12:10:00.000000Z"
    noon.advance(600)
    dispatch()
    assert made.runs() == [("12:00", None), ("12:20", runs.ONE_WAITS)]
    finish(alice)
    assert [dispatch(), dispatch()] == [1, 0]
    assert made.runs() == [("12:00", None), ("12:10", None), ("12:20", runs.ONE_WAITS)]
    assert len(made.tasks()) == 2
    assert alice.get(PATH).json["waiting_at"] is None


def test_overlap_queue_after_a_downtime_runs_one_after_the_other(
    alice: Caller, noon: FrozenClock, dispatch: Dispatch, made: Made
) -> None:
    put(alice, overlap="queue", missed="all")
    noon.advance(1201)
    dispatch()
    assert made.runs() == [("12:00", None), ("12:20", runs.ONE_WAITS)]
    finish(alice)
    dispatch()
    assert made.runs() == [("12:00", None), ("12:10", None), ("12:20", runs.ONE_WAITS)]


def test_a_pause_ends_what_waits(alice: Caller, noon: FrozenClock, dispatch: Dispatch, made: Made) -> None:
    put(alice, overlap="queue")
    due_twice(noon, dispatch)
    alice.post(f"{PATH}/pause")
    finish(alice)
    assert dispatch() == 0
    assert made.runs() == [("12:00", None), ("12:10", runs.LET_GO)]


def test_what_waits_comes_before_what_comes_due(
    alice: Caller, noon: FrozenClock, dispatch: Dispatch, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its task may end right after those that are free were looked for, or they may be too many for one look."""
    put(alice, overlap="queue")
    due_twice(noon, dispatch)
    finish(alice)
    monkeypatch.setattr(sweep, "_FREED", sweep._FREED.limit(0))
    noon.advance(600)
    dispatch()
    assert made.runs() == [("12:00", None), ("12:10", None)]
    assert alice.get(PATH).json["waiting_at"] == "2026-11-02T12:20:00.000000Z"


def test_what_waits_is_left_out_when_the_schedule_pauses_itself(
    alice: Caller, noon: FrozenClock, dispatch: Dispatch, made: Made, database: Database
) -> None:
    put(alice, overlap="queue")
    due_twice(noon, dispatch)
    with transaction.own(database) as connection:
        connection.execute(update(Schedule).values(time_zone="Gone/Away"))
    noon.advance(600)
    dispatch()
    assert made.runs() == [("12:00", None), ("12:10", runs.LET_GO)]
    assert alice.get(PATH).json["waiting_at"] is None


def test_overlap_looks_at_what_was_run_by_hand_and_at_what_came_before_it(
    alice: Caller, noon: FrozenClock, dispatch: Dispatch, made: Made
) -> None:
    put(alice, overlap="skip")
    noon.advance(1)
    dispatch()
    by_hand = alice.post(f"{PATH}/run").json["id"]
    for at in ("12:10", "12:20"):  # at first both are open, then what was run by hand
        noon.advance(600)
        dispatch()
        assert made.runs()[-1] == (at, runs.STILL_OPEN)
        first = next(task for task in made.tasks() if task.outcome is None)
        assert (first.id == by_hand) is (at == "12:20")
        finish(alice, limit=1)
    noon.advance(600)
    dispatch()
    assert made.runs()[-1] == ("12:30", None)


def test_overlap_queue_waits_for_all_that_is_open(
    alice: Caller, noon: FrozenClock, dispatch: Dispatch, made: Made
) -> None:
    put(alice, overlap="queue")
    noon.advance(1)
    dispatch()
    alice.post(f"{PATH}/run")
    noon.advance(600)
    dispatch()
    finish(alice, limit=1)
    dispatch()
    assert (made.runs(), len(made.tasks())) == ([("12:00", None)], 2), "one is open still"
    finish(alice, limit=1)
    dispatch()
    assert made.runs() == [("12:00", None), ("12:10", None)]


def test_tasks_of_another_owner_are_no_runs_of_a_schedule(
    alice: Caller, bob: Caller, noon: FrozenClock, dispatch: Dispatch, made: Made
) -> None:
    put(alice, overlap="skip")
    noon.advance(1)
    dispatch()
    alice.delete(PATH)
    put(bob, overlap="skip")
    noon.advance(600)
    dispatch()
    assert made.runs() == [("12:10", None)]


@pytest.mark.parametrize("change", [{"overlap": "skip"}, {"overlap": "queue", "cron": "5 * * * *"}])
def test_what_waits_is_left_out_once_the_schedule_is_another(
    alice: Caller, noon: FrozenClock, dispatch: Dispatch, made: Made, change: dict[str, str]
) -> None:
    put(alice, overlap="queue")
    due_twice(noon, dispatch)
    assert put(alice, overlap="queue", description="the same but for this")["waiting_at"] is not None
    assert put(alice, **change)["waiting_at"] is None
    finish(alice)
    dispatch()
    assert made.runs() == [("12:00", None), ("12:10", runs.LET_GO)]
