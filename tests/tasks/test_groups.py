"""POST /v1/groups: tasks that belong together, and one that runs after all of them."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from support.caller import Caller
from taskyard.core import clock, transaction
from taskyard.core.db import Database
from taskyard.queue import chains, groups

NOBODY = "01936b2e-7c4b-7d9a-9c3e-2f6d8a1b5e70"


def submit(who: Caller, count: int = 3, *, tasks: Any = None, **more: Any) -> TestResponse:
    some = [{"command": "c", "payload": n} for n in range(count)] if tasks is None else tasks
    sent = {"tasks": some, "completion": {"command": "d"}, **more}
    return who.post("/v1/groups", sent)


def run(who: Caller, outcome: str = "succeeded", queue: str = "c") -> dict[str, Any]:
    """Run the next task of the queue; its lease."""
    [lease] = who.post("/v1/leases", {"queues": [queue]}).json["leases"]
    report = {"token": lease["token"], "outcome": outcome, "retry": outcome != "failed"}
    report |= {"result": lease["task"]["payload"]} if outcome == "succeeded" else {}
    who.post("/v1/leases/settle", {"leases": [report]})
    return lease["task"]


def test_the_completion_runs_after_all_and_finds_their_results(alice: Caller) -> None:
    answer = submit(alice)
    assert answer.status_code == 201, answer.text
    group = answer.json
    assert answer.headers["Location"] == f"/v1/groups/{group['id']}"
    told = alice.get(answer.headers["Location"]).json
    assert (told["tasks"], told["completion_status"]) == ({"queued": 3}, "scheduled")
    assert told["completion_id"] == group["completion_id"]
    assert [run(alice)["id"] for _ in range(3)] == group["task_ids"]
    told = alice.get(answer.headers["Location"]).json
    assert (told["tasks"], told["completion_status"]) == ({"succeeded": 3}, "queued")
    [lease] = alice.post("/v1/leases", {"queues": ["d"]}).json["leases"]
    assert lease["task"]["group_id"] == group["id"]
    found = alice.get(f"/v1/tasks?group={group['id']}&status=succeeded").json["tasks"]
    assert [one["result"] for one in found] == [2, 1, 0]


def test_a_group_of_a_thousand_is_accepted(alice: Caller) -> None:
    group = submit(alice, 1000).json
    assert len(group["task_ids"]) == 1000
    assert alice.get(f"/v1/groups/{group['id']}").json["tasks"] == {"queued": 1000}
    assert len(alice.get(f"/v1/tasks/{group['completion_id']}").json["after"]) == 1000


@pytest.mark.parametrize("at_once", [1000, 600])
def test_a_group_of_a_thousand_is_completed(alice: Caller, database: Database, at_once: int) -> None:
    group = submit(alice, 1000).json
    for _ in range(0, 1000, at_once):
        leases = alice.post("/v1/leases", {"queues": ["c"], "limit": at_once}).json["leases"]
        settled = {"tokens": [one["token"] for one in leases], "outcome": "succeeded"}
        assert alice.post("/v1/leases/settle", {"leases": [settled]}).status_code == 200
    with transaction.own(database) as connection:
        while chains.go_on(connection, clock.now()):
            pass
    told = alice.get(f"/v1/groups/{group['id']}").json
    assert (told["tasks"], told["completion_status"]) == ({"succeeded": 1000}, "queued")


@pytest.mark.parametrize(("on_failure", "status"), [("cancel", "cancelled"), ("run", "queued")])
def test_on_failure_says_what_becomes_of_the_completion(alice: Caller, on_failure: str, status: str) -> None:
    group = submit(alice, 2, on_failure=on_failure).json
    run(alice, "failed")
    run(alice)
    told = alice.get(f"/v1/groups/{group['id']}").json
    assert (told["tasks"], told["completion_status"]) == ({"failed": 1, "succeeded": 1}, status)


def test_its_tasks_may_wait_for_one_another(alice: Caller) -> None:
    group = submit(alice, tasks=[{"command": "c"}, {"command": "c", "after": ["#0"]}]).json
    assert alice.get(f"/v1/groups/{group['id']}").json["tasks"] == {"queued": 1, "scheduled": 1}


def test_every_fault_of_each_is_told_and_nothing_stored(alice: Caller) -> None:
    tasks = [{"command": ""}, {"command": "c", "after": ["#1"]}, {"command": "c"}]
    refused = submit(alice, tasks=tasks, completion={"priority": "x", "after": ["#0"]})
    assert refused.status_code == 422
    told = {fault["pointer"] for fault in refused.json["errors"]}
    assert told >= {"/tasks/0/command", "/tasks/1/after/0", "/completion/command", "/completion/priority"}
    assert "/completion/after" in told
    assert alice.get("/v1/tasks").json["tasks"] == []


@pytest.mark.parametrize(
    "sent",
    [
        {"tasks": []},
        {"tasks": None},
        {"tasks": [{"command": "c"}] * 1001},
        {"completion": None},
        {"completion": []},
        {"on_failure": "x"},
        {"atomic": True},
    ],
)
def test_nonsense_is_refused(alice: Caller, sent: dict[str, Any]) -> None:
    whole = {"tasks": [{"command": "c"}], "completion": {"command": "d"}}
    assert alice.post("/v1/groups", whole | sent).status_code == 422


@pytest.mark.parametrize("missing", ["tasks", "completion"])
def test_a_group_that_is_not_whole_is_refused(alice: Caller, missing: str) -> None:
    whole = {"tasks": [{"command": "c"}], "completion": {"command": "d"}}
    refused = alice.post("/v1/groups", {name: part for name, part in whole.items() if name != missing})
    assert (refused.status_code, [fault["pointer"] for fault in refused.json["errors"]]) == (422, [f"/{missing}"])


def test_what_is_in_the_way_of_one_refuses_all(alice: Caller, mia: Caller) -> None:
    alice.post("/v1/tasks", {"command": "c", "unique": {"key": "k"}})
    refused = submit(alice, tasks=[{"command": "c"}, {"command": "c", "unique": {"key": "k"}}])
    assert refused.status_code == 409
    assert refused.json["detail"].startswith("/tasks/1: ")
    mia.post("/v1/queues/d/drain")
    assert submit(alice).json["detail"].startswith("/completion: The queue d is closed")
    assert len(alice.get("/v1/tasks").json["tasks"]) == 1


def test_a_repeat_with_its_key_is_one_group(alice: Caller) -> None:
    sent = {"tasks": [{"command": "c"}], "completion": {"command": "d"}}
    answers = [alice.post("/v1/groups", sent, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].json == answers[1].json
    assert len(alice.get("/v1/tasks").json["tasks"]) == 2


def test_cancelling_a_group_cancels_all_that_is_open(alice: Caller) -> None:
    group = submit(alice, 5, on_failure="run").json
    run(alice)
    alice.post("/v1/leases", {"queues": ["c"]})
    told = alice.post(f"/v1/groups/{group['id']}/cancel")
    assert told.status_code == 200
    assert told.json["tasks"] == {"succeeded": 1, "running": 1, "cancelled": 3}
    assert told.json["completion_status"] == "cancelled"
    assert alice.post(f"/v1/groups/{group['id']}/cancel").status_code == 200, "twice is as good as once"


def test_a_group_that_has_ended_cannot_be_cancelled(alice: Caller) -> None:
    group = submit(alice, 1).json
    run(alice)
    run(alice, queue="d")
    assert alice.post(f"/v1/groups/{group['id']}/cancel").status_code == 409


def test_who_may_not_see_a_group_does_not_find_it(alice: Caller, bob: Caller, mia: Caller, nobody: Caller) -> None:
    path = f"/v1/groups/{submit(alice).json['id']}"
    assert [bob.get(path).status_code, bob.post(f"{path}/cancel").status_code] == [404, 404]
    assert [nobody.get(path).status_code, nobody.post(f"{path}/cancel").status_code] == [401, 401]
    assert submit(nobody).status_code == 401
    assert mia.get(path).status_code == 200
    assert alice.get(f"/v1/groups/{NOBODY}").status_code == 404
    assert alice.get("/v1/groups/x").status_code == 404


def test_a_group_is_forgotten_with_the_last_of_its_tasks(app: Flask, alice: Caller) -> None:
    group = submit(alice, 1).json
    path = f"/v1/groups/{group['id']}"
    later = clock.now() + timedelta(hours=2)

    def forget() -> int:
        with transaction.own(app.extensions["taskyard.database"]) as connection:
            return groups.forget(connection, later)

    run(alice)
    run(alice, queue="d")
    alice.delete(f"/v1/tasks/{group['completion_id']}")
    assert alice.get(path).json["completion_status"] is None
    assert forget() == 0
    alice.delete(f"/v1/tasks/{group['task_ids'][0]}")
    assert forget() == 1
    assert alice.get(path).status_code == 404
