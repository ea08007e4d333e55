"""`unique`: of the tasks with one key, one at a time."""

from functools import partial
from typing import Any

import orjson
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from support.caller import Caller
from support.people import ALICE
from support.yard import at_once
from taskyard.core import clock, transaction
from taskyard.core.clock import FrozenClock
from taskyard.core.ids import new_id
from taskyard.queue.enqueue import NewTask
from taskyard.queue.unique import OPEN, OnConflict, Unique
from taskyard.tasks import storing, submission
from taskyard.tasks.storing import Item, Submission


def submit(who: Caller, on_conflict: str = "reject", *, headers: dict[str, str] | None = None, **unique: Any) -> Any:
    sent = {"command": "c", "unique": {"key": "k", "on_conflict": on_conflict, **unique}}
    return who.post("/v1/tasks", sent, headers=headers)


def accepted(answer: TestResponse) -> str:
    assert answer.status_code == 201, answer.text
    task_id: str = answer.json["id"]
    return task_id


def run(who: Caller, outcome: str | None = "succeeded", **more: Any) -> None:
    """Claim a task and, unless there is no outcome, settle it."""
    [lease] = who.post("/v1/leases", {"queues": ["c"]}).json["leases"]
    if outcome:
        report = {"token": lease["token"], "outcome": outcome, **more}
        [told] = who.post("/v1/leases/settle", {"leases": [report]}).json["leases"]
        assert told["status"] == "ok"


def status(who: Caller, task_id: str) -> str:
    found: str = who.get(f"/v1/tasks/{task_id}").json["status"]
    return found


def test_a_second_task_with_the_key_is_refused_and_told_of_the_first(alice: Caller) -> None:
    first = accepted(submit(alice))
    refused = submit(alice)
    assert refused.status_code == 409
    assert first in refused.json["detail"]
    assert [task["id"] for task in alice.get("/v1/tasks").json["tasks"]] == [first]
    assert alice.get(f"/v1/tasks/{first}").json["unique_key"] == "k"


def test_a_key_is_its_owners(alice: Caller, bob: Caller) -> None:
    accepted(submit(alice))
    accepted(submit(bob))
    accepted(submit(alice, key="another"))


def test_the_first_task_can_be_the_answer(alice: Caller) -> None:
    first = submit(alice)
    found = submit(alice, "return")
    assert (found.status_code, found.headers["Location"]) == (200, first.headers["Location"])
    assert found.json == alice.get(first.headers["Location"]).json


def test_a_waiting_task_can_be_replaced(alice: Caller) -> None:
    first, second = accepted(submit(alice)), accepted(submit(alice, "replace"))
    assert (status(alice, first), status(alice, second)) == ("cancelled", "queued")
    assert submit(alice).json["detail"].startswith(f"The task {second} ")


def test_a_running_task_cannot_be_replaced(alice: Caller) -> None:
    first = accepted(submit(alice))
    run(alice, None)
    refused = submit(alice, "replace")
    assert refused.status_code == 409
    assert f"{first} has this unique key; it is running" in refused.json["detail"]


def test_a_key_is_free_once_its_task_has_ended(alice: Caller) -> None:
    accepted(submit(alice))
    run(alice, "failed", retry_in_s=0)
    assert submit(alice).status_code == 409, "it waits for its next attempt"
    run(alice)
    accepted(submit(alice))


def test_a_key_is_free_once_its_task_is_cancelled_or_deleted(alice: Caller) -> None:
    kept = {"while": [*OPEN, "cancelled"]}
    first = accepted(submit(alice))
    alice.post(f"/v1/tasks/{first}/cancel")
    second = accepted(submit(alice, **kept))
    alice.post(f"/v1/tasks/{second}/cancel")
    assert submit(alice).status_code == 409
    assert alice.delete(f"/v1/tasks/{second}").status_code == 204
    accepted(submit(alice))


def test_a_key_is_held_in_the_statuses_that_are_named(alice: Caller) -> None:
    done = accepted(submit(alice, **{"while": [*OPEN, "succeeded"]}))
    run(alice)
    assert submit(alice).status_code == 409
    assert submit(alice, "return").json["id"] == done
    assert submit(alice, "replace").status_code == 409, "what is done is not undone"


@pytest.mark.parametrize("statuses", [OPEN, []])
def test_a_key_is_held_for_its_window_whatever_becomes_of_its_task(
    alice: Caller, time: FrozenClock, statuses: list[str]
) -> None:
    accepted(submit(alice, window_s=60, **{"while": statuses}))
    run(alice)
    time.advance(59.999)
    assert submit(alice).status_code == 409
    time.advance(0.001)
    accepted(submit(alice))


def test_a_window_alone_does_not_wait_for_the_task(alice: Caller, time: FrozenClock) -> None:
    accepted(submit(alice, window_s=60, **{"while": []}))
    time.advance(60)
    accepted(submit(alice))


def test_a_retry_takes_the_key_back(alice: Caller) -> None:
    first = accepted(submit(alice))
    run(alice, "failed", retry=False)
    assert alice.post(f"/v1/tasks/{first}/retry").status_code == 200
    assert submit(alice).status_code == 409


def test_a_retry_is_refused_where_the_key_is_anothers(alice: Caller) -> None:
    first = accepted(submit(alice))
    run(alice, "failed", retry=False)
    second = accepted(submit(alice))
    refused = alice.post(f"/v1/tasks/{first}/retry")
    assert refused.status_code == 409
    assert second in refused.json["detail"]
    run(alice)
    assert alice.post(f"/v1/tasks/{first}/retry").status_code == 200
    assert first in submit(alice).json["detail"]


def test_a_retry_is_refused_within_the_window_of_another_and_holds_the_key_after_it(
    alice: Caller, time: FrozenClock
) -> None:
    first = accepted(submit(alice))
    run(alice, "failed", retry=False)
    second = accepted(submit(alice, window_s=60, **{"while": []}))
    refused = alice.post(f"/v1/tasks/{first}/retry")
    assert (refused.status_code, second in refused.json["detail"]) == (409, True)
    time.advance(60)
    assert alice.post(f"/v1/tasks/{first}/retry").status_code == 200
    assert first in submit(alice).json["detail"]


def test_a_key_that_comes_back_from_another_is_held_while_its_task_is_open(alice: Caller) -> None:
    first = accepted(submit(alice))
    run(alice, "failed", retry=False)
    kept = ["scheduled", "queued", "running", "succeeded", "failed"]
    second = accepted(submit(alice, **{"while": kept}))
    alice.post(f"/v1/tasks/{second}/cancel")
    assert alice.post(f"/v1/tasks/{first}/retry").status_code == 200
    run(alice)
    accepted(submit(alice))


def test_an_idempotency_key_comes_before_the_unique_key(alice: Caller) -> None:
    headers = {"Idempotency-Key": "one-call"}
    first = submit(alice, headers=headers)
    again = submit(alice, headers=headers)
    assert (again.status_code, again.json) == (201, first.json)
    assert submit(alice, headers={"Idempotency-Key": "another"}).status_code == 409
    assert submit(alice, "return", headers={"Idempotency-Key": "third"}).json["id"] == first.json["id"]


@pytest.mark.parametrize(("on_conflict", "others"), [("reject", 409), ("return", 200)])
def test_twenty_at_once_make_one_task(app: Flask, alice: Caller, on_conflict: str, others: int) -> None:
    answers = at_once(*[partial(submit, Caller(app, ALICE), on_conflict) for _ in range(20)])
    assert sorted(answer.status_code for answer in answers) == sorted([201, *[others] * 19])
    assert len(alice.get("/v1/tasks").json["tasks"]) == 1


def test_twenty_that_replace_at_once_leave_one(app: Flask, alice: Caller) -> None:
    answers = at_once(*[partial(submit, Caller(app, ALICE), "replace") for _ in range(20)])
    assert [answer.status_code for answer in answers] == [201] * 20
    statuses = sorted(task["status"] for task in alice.get("/v1/tasks").json["tasks"])
    assert statuses == ["cancelled"] * 19 + ["queued"]


def test_twenty_calls_with_one_idempotency_key_get_one_answer(app: Flask, alice: Caller) -> None:
    headers = {"Idempotency-Key": "one-call"}
    answers = at_once(*[partial(submit, Caller(app, ALICE), headers=headers) for _ in range(20)])
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 1


def test_retries_and_submissions_at_once_leave_one_open(app: Flask, alice: Caller) -> None:
    for _ in range(5):
        ended = accepted(submit(alice))
        run(alice, "failed", retry=False)
        deeds = [partial(Caller(app, ALICE).post, f"/v1/tasks/{ended}/retry") for _ in range(3)]
        at_once(*deeds, *[partial(submit, Caller(app, ALICE)) for _ in range(3)])
        assert len(alice.get("/v1/tasks?status=queued").json["tasks"]) == 1
        run(alice)


def item(key: str, on_conflict: str) -> Item:
    now = clock.now()
    new = NewTask(new_id(), ALICE.id, "c", "null", "c", 1, now, now, unique_key=key)
    return Item(new, Unique(key, OPEN, None, OnConflict(on_conflict)), orjson.dumps({"id": new.id}))


def test_those_gathered_into_one_transaction_come_one_after_the_other(app: Flask, alice: Caller) -> None:
    wanted = [("a", "reject"), ("b", "reject"), ("a", "return"), ("a", "reject"), ("b", "replace"), ("b", "return")]
    items = [item(*one) for one in wanted]
    database = app.extensions["taskyard.database"]
    with database.read.connect() as connection:
        revision = storing.catalogue.revision(connection)
    with transaction.own(database) as connection:
        stored = storing.store(connection, [Submission([one], revision, submission.answer) for one in items])
    answers: list[Any] = [one.answer for one in stored]
    ids = [one.task.id for one in items]
    assert [getattr(answer, "status", 409) for answer in answers] == [201, 201, 200, 409, 201, 200]
    assert [orjson.loads(answers[n].body)["id"] for n in (2, 5)] == [ids[0], ids[4]]
    assert (status(alice, ids[0]), status(alice, ids[1]), status(alice, ids[4])) == ("queued", "cancelled", "queued")
    assert len(alice.get("/v1/tasks").json["tasks"]) == 3


LIVE = {"reject": [201, 409, 409], "return": [201, 200, 200], "replace": [201, 201, 201]}


@pytest.mark.parametrize("on_conflict", list(LIVE))
@pytest.mark.parametrize("linked", ["all", "first", "last", "by position"])
def test_tasks_of_one_call_that_wait_for_others_have_one_key_at_a_time(
    alice: Caller, on_conflict: str, linked: str
) -> None:
    first = alice.post("/v1/tasks", {"command": "c", "delay_s": 999}).json["id"]
    waits = {"all": [1, 1, 1], "first": [1, 0, 0], "last": [0, 0, 1], "by position": [0, 0, 0]}[linked]
    unique = {"key": "k", "on_conflict": on_conflict}
    tasks = [{"command": "t", "unique": unique, **({"after": [first]} if wait else {})} for wait in waits]
    if linked == "by position":
        tasks = [{"command": "c"}, *({**task, "after": ["#0"]} for task in tasks)]
    told = alice.post("/v1/tasks/batch", {"tasks": tasks, "atomic": False}).json["tasks"][-3:]
    assert [one["status"] for one in told] == LIVE[on_conflict]
    found = alice.get("/v1/tasks?command=t").json["tasks"]
    live = [one["id"] for one in found if one["status"] != "cancelled"]
    last = told[-1]["task"]["id"] if on_conflict == "replace" else told[0]["task"]["id"]
    assert live == [last]
    again = alice.post("/v1/tasks", {"command": "t", "unique": {"key": "k"}})
    assert again.status_code == 409


def test_a_key_of_a_task_that_was_refused_for_what_it_waits_for_is_free(alice: Caller, mia: Caller) -> None:
    mia.post("/v1/queues/shut/drain")
    tasks = [
        {"command": "c", "queue": "shut"},
        {"command": "c", "after": ["#0"], "unique": {"key": "k"}},
        {"command": "c"},
        {"command": "c", "after": ["#2"], "unique": {"key": "l"}},
        {"command": "c", "after": ["#3"], "unique": {"key": "m"}},
    ]
    told = alice.post("/v1/tasks/batch", {"tasks": tasks, "atomic": False}).json["tasks"]
    assert [one["status"] for one in told] == [409, 409, 201, 201, 201]
    keys = {key: alice.post("/v1/tasks", {"command": "c", "unique": {"key": key}}).status_code for key in "klm"}
    assert keys == {"k": 201, "l": 409, "m": 409}


def test_a_group_takes_no_key_twice(alice: Caller) -> None:
    sent = {"tasks": [{"command": "c", "unique": {"key": "k"}}] * 2, "completion": {"command": "d"}}
    assert alice.post("/v1/groups", sent).status_code == 409
    assert alice.get("/v1/tasks").json["tasks"] == []
