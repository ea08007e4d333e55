"""The reasons why a task does not run, as a table: from facts to codes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.source import DOCS
from taskyard.queue.keys import KeyState
from taskyard.queue.lifecycle import OUTCOMES, Status
from taskyard.queue.limits import Limits
from taskyard.queue.overview import Tally
from taskyard.queue.window import Rate
from taskyard.tasks.facts import Code, Facts, Over, Push, Running, Waits
from taskyard.tasks.reasons import ENDED, following, reasons

NOW = datetime(2026, 11, 3, 12, 0, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


NEXT = Facts(  # nothing stands in its way
    now=NOW,
    status=Status.QUEUED,
    queue="q",
    run_at=after(-10),
    attempts=0,
    failures=0,
    max_attempts=5,
    crashes=0,
    max_crashes=3,
    asked_at=after(-60),
    ahead=Tally(0, False),
)
LATER = replace(NEXT, status=Status.SCHEDULED, ahead=None, run_at=after(60))
HELD = Running("host-1", 2, after(-30), after(-1), after(29), None)
HELD_BACK = Waits([("an id", "running")], 1, "cancel")
RUNS = replace(NEXT, status=Status.RUNNING, ahead=None, running=HELD)
FULL = Limits(4, Rate(100, 60))
KEY = KeyState("k", 1, None, FULL, FULL, 4, Tally(1, False), 0, after(7))
QUEUE = replace(KEY, key="")
ROOM = replace(KEY, running=3, rate_left=1, rate_until=None)
PARKED = replace(NEXT, ahead=None, is_parked=True)
PUSH = Push(ours=True, most=2, running=1, holders=("t1",), pushed_at=after(-60))
PUSHED = replace(NEXT, asked_at=None, push=PUSH)
STRAY = replace(NEXT, push=replace(PUSH, ours=False))
WAITS = [
    (PUSHED, {}, ["next_in_line"]),
    (PUSHED, {"ahead": Tally(1, False)}, ["tasks_ahead"]),
    (PUSHED, {"push": replace(PUSH, running=2)}, ["push_limit"]),
    (PUSHED, {"push": replace(PUSH, running=3), "ahead": Tally(1, False)}, ["push_limit", "tasks_ahead"]),
    (PUSHED, {"push": replace(PUSH, pushed_at=after(-60.1))}, ["no_dispatcher"]),
    (PUSHED, {"push": replace(PUSH, pushed_at=None), "ahead": Tally(1, False)}, ["no_dispatcher", "tasks_ahead"]),
    (PUSHED, {"push": replace(PUSH, pushed_at=None), "asked_at": NOW}, ["next_in_line"]),  # a worker pulls it
    (PUSHED, {"paused_at": NOW}, ["queue_paused"]),
    (STRAY, {}, ["not_pushed"]),
    (STRAY, {"asked_at": None}, ["not_pushed", "no_worker"]),
    (STRAY, {"last": "released", "last_error": "not_pushed"}, ["not_pushed"]),  # once put aside, and back in line
    (NEXT, {"over": (Over(ROOM, []),)}, ["next_in_line"]),
    (NEXT, {"over": (Over(QUEUE, []), Over(ROOM, []))}, ["queue_limit", "queue_rate"]),
    (NEXT, {"over": (Over(QUEUE, []),), "ahead": Tally(1, False)}, ["queue_limit", "queue_rate", "tasks_ahead"]),
    (PARKED, {"over": (Over(KEY, []),)}, ["key_limit", "key_rate"]),
    (PARKED, {"over": (Over(replace(ROOM, paused_at=NOW), []),)}, ["key_paused"]),
    (NEXT, {}, ["next_in_line"]),
    (NEXT, {"ahead": Tally(1, False)}, ["tasks_ahead"]),
    (NEXT, {"asked_at": None}, ["no_worker"]),
    (NEXT, {"asked_at": after(-60.1)}, ["no_worker"]),
    (NEXT, {"asked_at": after(-61), "ahead": Tally(3, False)}, ["no_worker", "tasks_ahead"]),
    (NEXT, {"paused_at": after(-1)}, ["queue_paused"]),
    (NEXT, {"paused_at": after(-1), "ahead": Tally(9, True)}, ["queue_paused", "tasks_ahead"]),
    (NEXT, {"closed_at": after(-1), "expires_at": after(9)}, ["next_in_line", "queue_closed", "expires"]),
    (LATER, {}, ["scheduled"]),
    (LATER, {"last": "failed", "attempts": 1, "failures": 1}, ["retry_waiting"]),
    (LATER, {"last": "lost", "attempts": 1}, ["retry_waiting"]),
    (LATER, {"last": "released", "attempts": 1}, ["retry_waiting"]),
    (LATER, {"last": "released", "last_error": "status_503", "push": PUSH}, ["receiver_busy"]),
    (LATER, {"last": "released", "last_error": "status_429", "push": PUSH}, ["receiver_busy"]),
    (LATER, {"last": "released", "last_error": "status_429"}, ["retry_waiting"]),  # a worker's own words
    (LATER, {"last": "failed", "last_error": "status_503", "push": PUSH}, ["retry_waiting"]),
    (LATER, {"last": "released", "last_error": "not_pushed", "push": STRAY.push}, ["not_pushed"]),
    (LATER, {"last": "released", "last_error": "unknown_command"}, ["retry_waiting"]),
    (LATER, {"last": "cancelled", "attempts": 1}, ["scheduled"]),
    (LATER, {"over": (Over(replace(KEY, paused_at=NOW), []),)}, ["scheduled", "key_paused"]),
    (LATER, {"over": (Over(QUEUE, []), Over(KEY, []))}, ["scheduled"]),  # what is full now need not be so then
    (
        LATER,
        {"waits": HELD_BACK, "over": (Over(replace(KEY, paused_at=NOW), []),)},
        ["waits_for", "scheduled", "key_paused"],
    ),
    (NEXT, {"asked_at": None, "drained_asked_at": after(-1)}, ["no_worker"]),
    (LATER, {"paused_at": after(-1), "asked_at": None}, ["scheduled", "queue_paused", "no_worker"]),
    (LATER, {"waits": HELD_BACK}, ["waits_for", "scheduled"]),
    (LATER, {"waits": HELD_BACK, "run_at": after(-60)}, ["waits_for"]),
    (LATER, {"status": Status.QUEUED, "run_at": NOW}, ["due"]),
    (LATER, {"status": Status.QUEUED, "run_at": after(-5)}, ["due"]),
    (LATER, {"status": Status.QUEUED, "run_at": after(-5.1)}, ["dispatcher_late"]),
    (RUNS, {}, ["running"]),
    (RUNS, {"paused_at": after(-1), "asked_at": None}, ["running"]),
    (RUNS, {"running": replace(HELD, cancel_at=after(-1))}, ["running", "cancelling"]),
    (RUNS, {"running": replace(HELD, until=after(-1))}, ["running", "lease_over"]),
]


@pytest.mark.parametrize(("facts", "changed", "codes"), WAITS)
def test_what_is_known_of_a_task_tells_why_it_does_not_run(
    facts: Facts, changed: dict[str, Any], codes: list[str]
) -> None:
    assert [one.code for one in reasons(replace(facts, **changed))] == codes


@pytest.mark.parametrize("status", sorted(OUTCOMES))
def test_a_task_that_has_ended_has_one_reason(status: Status) -> None:
    ended = replace(NEXT, status=status, finished_at=after(-1), ahead=None, paused_at=NOW, asked_at=None)
    [one] = reasons(ended)
    assert one.code == status.value
    assert one.detail.endswith("It ended at 2026-11-03T11:59:59.000000Z.")
    assert following(ended).startswith("Nothing")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"failures": 5}, "5 of 5 failures are used up."),
        ({"failures": 1, "crashes": 3, "last": "lost"}, "3 of 3 crashes are used up."),
        ({"crashes": 1, "last": "lost"}, "Its worker vanished, and its command says that such a task fails."),
        ({"failures": 1, "last": "failed"}, "It was not to be tried again: its worker said so, or the time for"),
    ],
)
def test_why_a_task_has_failed_is_told(changed: dict[str, Any], says: str) -> None:
    [one] = reasons(replace(NEXT, status=Status.FAILED, finished_at=after(-1), ahead=None, **changed))
    assert one.detail.startswith(says)


def test_what_only_drained_workers_ask_for_is_told_so() -> None:
    [one] = reasons(replace(NEXT, asked_at=None, drained_asked_at=after(-1)))
    assert one.detail == "Only workers that are being drained ask for the queue q."


def test_a_worker_that_does_not_know_the_command_is_told_of() -> None:
    [one] = reasons(replace(LATER, last="released", last_error="unknown_command", last_ended_at=after(-1)))
    assert "That worker has no handler for its command." in one.detail
    assert one.action == "Start a worker of this queue that has one."


@pytest.mark.parametrize(
    ("priority", "action"),
    [("low", 'Wait, add workers or PATCH it with {"priority": "high"}.'), ("high", "Wait or add workers.")],
)
def test_a_high_priority_is_advised_where_it_is_not_so_high(priority: str, action: str) -> None:
    [found] = reasons(replace(NEXT, ahead=Tally(1, False), priority=priority))
    assert found.action == action


def test_what_is_parked_and_may_come_back_has_a_reason() -> None:
    [one] = reasons(PARKED)
    assert (one.code, one.detail.split(",")[0]) == ("due", "Its limit key has room again")


def test_a_reason_names_moments_numbers_and_names() -> None:
    retry = replace(LATER, last="failed", attempts=2, failures=2, last_ended_at=after(-5))
    assert reasons(retry)[0].detail == (
        "Attempt 2 failed at 2026-11-03T11:59:55.000000Z; 2 of 5 failures are used up."
        " The next one is due at 2026-11-03T12:01:00.000000Z."
    )
    ahead = [reasons(replace(NEXT, ahead=tally))[0].detail for tally in (Tally(1, False), Tally(10_000, True))]
    assert ahead == ["1 task stands before it in the queue q.", "10,000 or more tasks stand before it in the queue q."]
    assert [one.detail for one in reasons(replace(PARKED, over=(Over(KEY, ["t1", "t2"]),)))] == [
        "The limit key k of the queue q is full: 4/4 run, held by t1, t2 and 2 more.",
        "The limit key k of the queue q has used up its rate, 100 per minute, until 2026-11-03T12:00:07.000000Z.",
    ]
    full = replace(PUSHED, push=replace(PUSH, running=5, most=5))
    assert reasons(full)[0].detail.endswith(": 5/5 requests are under way, held by t1 and 4 more.")
    busy = replace(LATER, last="released", last_error="status_503", attempts=1, push=PUSH)
    assert reasons(busy)[0].detail.startswith(
        "The receiver answered attempt 1 with 503 and asked to wait until 2026-11-03T12:01:00.000000Z."
    )
    assert reasons(RUNS)[0].detail == (
        "Attempt 2 runs on the worker host-1 since 2026-11-03T11:59:30.000000Z: last heartbeat at"
        " 2026-11-03T11:59:59.000000Z, its lease ends at 2026-11-03T12:00:29.000000Z."
    )


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (NEXT, "The first worker that asks for q"),
        (PUSHED, "A dispatcher posts it"),
        (replace(NEXT, paused_at=NOW), "until the queue is resumed"),
        (PARKED, "comes back into the line"),
        (replace(NEXT, over=(Over(QUEUE, []),)), "until one that runs in the queue ends"),
        (replace(NEXT, over=(Over(replace(ROOM, paused_at=NOW), []),)), "until its limit key is resumed"),
        (replace(PUSHED, over=(Over(replace(QUEUE, running=0), []),)), "until the rate of the queue lets one start"),
        (LATER, "A dispatcher puts it in line at 2026-11-03T12:01:00"),
        (RUNS, "Its worker settles it"),
        (replace(RUNS, running=replace(HELD, cancel_at=NOW)), "ends as cancelled"),
        (replace(RUNS, running=replace(HELD, until=after(-1))), "ends this attempt as lost"),
    ],
)
def test_it_is_told_what_happens_next(facts: Facts, words: str) -> None:
    assert words in following(facts)


def test_every_outcome_and_every_code_is_covered() -> None:
    assert set(ENDED) == OUTCOMES
    assert {code for *_, codes in WAITS for code in codes} | OUTCOMES == set(Code)


def test_every_code_has_its_line_in_the_docs() -> None:
    page = (DOCS / "explain.md").read_text()
    assert [code for code in Code if f"| `{code.value}` |" not in page] == []
