"""How a task is retried: as its command says, as it says itself, as its worker says."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from support.caller import Caller
from taskyard.core import transaction
from taskyard.core.clock import FrozenClock
from taskyard.core.types import instant_to_text
from taskyard.queue import sweeps

LISTED = {"kind": "list", "delays_s": [1, 5], "jitter": 0, "max_duration_s": 60}
CONSTANT = {"kind": "constant", "base_s": 10, "cap_s": 20, "jitter": 0}
COMMAND = {"backoff": LISTED, "max_crashes": 2, "on_lost": "fail"}


def claimed(who: Caller) -> str:
    [lease] = who.post("/v1/leases", {"queues": ["c"], "lease_s": 1}).json["leases"]
    token: str = lease["token"]
    return token


def fail(who: Caller, **more: Any) -> str:
    report = {"token": claimed(who), "outcome": "failed", **more}
    [told] = who.post("/v1/leases/settle", {"leases": [report]}).json["leases"]
    status: str = told["task_status"]
    return status


def promote(app: Flask, time: FrozenClock) -> None:
    with transaction.own(app.extensions["taskyard.database"]) as connection:
        sweeps.promote(connection, time.now())


def reap(app: Flask, time: FrozenClock) -> None:
    with transaction.own(app.extensions["taskyard.database"]) as connection:
        sweeps.reap(connection, time.now())


def test_a_task_is_retried_as_its_command_says(alice: Caller, mia: Caller, time: FrozenClock) -> None:
    put = mia.put("/v1/commands/c", COMMAND)
    assert put.status_code == 201
    assert {name: put.json[name] for name in COMMAND} == COMMAND
    task = alice.post("/v1/tasks", {"command": "c", "delay_s": 30}).json
    assert {name: task[name] for name in COMMAND} == COMMAND
    assert task["retry_until"] == instant_to_text(time.now() + timedelta(seconds=30 + 60))
    assert alice.get(f"/v1/tasks/{task['id']}").json == task


def test_a_task_says_for_itself_how_it_is_retried(alice: Caller, mia: Caller) -> None:
    mia.put("/v1/commands/c", COMMAND)
    own = {"backoff": CONSTANT, "max_crashes": 7, "on_lost": "hold"}
    task = alice.post("/v1/commands/c/tasks", own).json
    assert {name: task[name] for name in own} == own
    assert task["retry_until"] is None


def test_without_a_word_a_task_has_the_defaults(alice: Caller) -> None:
    task = alice.post("/v1/tasks", {"command": "c"}).json
    assert (task["backoff"], task["max_crashes"], task["on_lost"], task["retry_until"]) == (None, 3, "retry", None)


def test_the_delays_of_a_list_come_in_turn(app: Flask, alice: Caller, time: FrozenClock) -> None:
    path = alice.post("/v1/tasks", {"command": "c", "backoff": LISTED, "max_attempts": 99}).headers["Location"]
    for delay_s in (1, 5, 5):
        assert fail(alice) == "scheduled"
        assert alice.get(path).json["run_at"] == instant_to_text(time.now() + timedelta(seconds=delay_s))
        time.advance(delay_s)
        promote(app, time)


def test_a_task_fails_where_its_next_retry_would_be_too_late(app: Flask, alice: Caller, time: FrozenClock) -> None:
    task = alice.post("/v1/tasks", {"command": "c", "backoff": {**CONSTANT, "max_duration_s": 25}}).json
    assert [again(app, alice, time) for _ in range(2)] == ["scheduled", "scheduled"]  # after 10 and 20 s
    assert fail(alice) == "failed"  # 30 s would be beyond 25
    retried = alice.post(f"/v1/tasks/{task['id']}/retry").json
    assert retried["retry_until"] == instant_to_text(time.now() + timedelta(seconds=25)), "it counts from then on"


def again(app: Flask, who: Caller, time: FrozenClock) -> str:
    status = fail(who)
    time.advance(10)
    promote(app, time)
    return status


def test_a_new_run_at_counts_its_time_for_retries_anew(alice: Caller, time: FrozenClock) -> None:
    path = alice.post("/v1/tasks", {"command": "c", "backoff": LISTED}).headers["Location"]
    moved = alice.patch(path, {"run_at": instant_to_text(time.now() + timedelta(hours=1))}).json
    assert moved["retry_until"] == instant_to_text(time.now() + timedelta(hours=1, seconds=60))


def test_between_retries_a_new_run_at_leaves_their_time_as_it_is(alice: Caller, time: FrozenClock) -> None:
    path = alice.post("/v1/tasks", {"command": "c", "backoff": LISTED}).headers["Location"]
    until = instant_to_text(time.now() + timedelta(seconds=60))
    time.advance(5)
    assert fail(alice) == "scheduled"
    put_off = alice.patch(path, {"run_at": instant_to_text(time.now() + timedelta(hours=1))}).json
    assert put_off["retry_until"] == until
    at_once = alice.patch(path, {"run_at": instant_to_text(time.now())}).json
    assert (at_once["status"], at_once["retry_until"]) == ("queued", until)
    time.advance(56)
    assert fail(alice) == "failed", "the next one would be due after it"


def test_a_worker_says_do_not_retry(alice: Caller) -> None:
    alice.post("/v1/tasks", {"command": "c", "max_attempts": 9})
    assert fail(alice, retry=False, error="no such customer") == "failed"


def test_a_poison_task_dies_early(app: Flask, alice: Caller, time: FrozenClock) -> None:
    no_wait = {"kind": "constant", "base_s": 0}
    path = alice.post("/v1/tasks", {"command": "c", "max_crashes": 2, "backoff": no_wait}).headers["Location"]
    for status in ("queued", "failed"):
        claimed(alice)
        time.advance(2)
        reap(app, time)
        assert alice.get(path).json["status"] == status


@pytest.mark.parametrize(("on_lost", "status"), [("hold", "lost"), ("fail", "failed")])
def test_a_task_says_for_itself_what_its_loss_means(
    app: Flask, alice: Caller, time: FrozenClock, on_lost: str, status: str
) -> None:
    path = alice.post("/v1/tasks", {"command": "c", "on_lost": on_lost}).headers["Location"]
    claimed(alice)
    time.advance(2)
    reap(app, time)
    assert alice.get(path).json["status"] == status


def test_the_time_for_retries_of_a_task_that_is_brought_forward_counts_from_now(alice: Caller) -> None:
    backoff = {"kind": "constant", "base_s": 0, "max_duration_s": 3600}
    task = alice.post("/v1/tasks", {"command": "c", "delay_s": 600, "backoff": backoff}).headers["Location"]
    assert alice.patch(task, {"run_at": "2020-01-01T00:00:00Z"}).status_code == 200
    [lease] = alice.post("/v1/leases", {"queues": ["c"]}).json["leases"]
    report = {"token": lease["token"], "outcome": "failed", "error": "x"}
    alice.post("/v1/leases/settle", {"leases": [report]})
    assert alice.get(task).json["status"] in {"queued", "scheduled"}


def test_the_time_for_retries_ends_with_the_calendar(alice: Caller) -> None:
    backoff = {"kind": "constant", "base_s": 0, "max_duration_s": 31_622_400}
    sent = {"command": "c", "run_at": "9998-12-31T23:59:59Z", "backoff": backoff}
    assert alice.post("/v1/tasks", sent).status_code == 201
