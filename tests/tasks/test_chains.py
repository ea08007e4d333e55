"""Tasks that wait for others: what is accepted, what becomes of them, what is refused."""

from typing import Any

import pytest
from flask import Flask

from support.caller import Caller
from taskyard.core import clock, transaction
from taskyard.queue import chains

NOBODY = "01936b2e-7c4b-7d9a-9c3e-2f6d8a1b5e70"


def add(who: Caller, command: str = "c", **fields: Any) -> dict[str, Any]:
    answer = who.post("/v1/tasks", {"command": command, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json


def run(who: Caller, outcome: str = "succeeded", queue: str = "c") -> str:
    """Run the next task of the queue; its id."""
    [lease] = who.post("/v1/leases", {"queues": [queue]}).json["leases"]
    report = {"token": lease["token"], "outcome": outcome} | ({"retry": False} if outcome == "failed" else {})
    who.post("/v1/leases/settle", {"leases": [report]})
    return lease["task"]["id"]


def waiting(who: Caller, queue: str = "c") -> int:
    """How many tasks a worker gets now."""
    answer = who.post("/v1/leases", {"queues": [queue], "limit": 100})
    return len(answer.json["leases"]) if answer.status_code == 200 else 0


def read(who: Caller, task_id: str) -> dict[str, Any]:
    return who.get(f"/v1/tasks/{task_id}").json


def test_a_task_waits_until_all_before_it_have_succeeded(alice: Caller) -> None:
    first, second = add(alice), add(alice)
    then = add(alice, "d", after=[first["id"], second["id"]])
    assert (then["status"], then["after"], then["on_failure"]) == ("scheduled", [first["id"], second["id"]], "cancel")
    assert read(alice, then["id"]) == then
    run(alice)
    assert read(alice, then["id"])["status"] == "scheduled"
    assert waiting(alice, "d") == 0
    run(alice)
    assert read(alice, then["id"])["status"] == "queued"
    assert run(alice, queue="d") == then["id"]
    assert read(alice, then["id"])["status"] == "succeeded"


def test_what_has_ended_counts_at_once(alice: Caller) -> None:
    done = add(alice)["id"]
    run(alice)
    assert add(alice, after=[done])["status"] == "queued"
    run(alice)
    failed = add(alice)["id"]
    run(alice, "failed")
    told = add(alice, after=[failed])
    assert told["status"] == "cancelled"
    assert told["error"]["task_id"] == failed
    assert told["finished_at"] is not None
    assert add(alice, after=[failed], on_failure="run")["status"] == "queued"


def test_one_that_fails_cancels_what_waits_for_it_down_the_chain(app: Flask, alice: Caller) -> None:
    first = add(alice)["id"]
    second = add(alice, after=[first])["id"]
    third = add(alice, after=[second])["id"]
    run(alice, "failed")
    told = read(alice, second)
    assert told["status"] == "cancelled"
    assert told["error"] == {
        "type": "predecessor",
        "message": f"The task {first}, which had to succeed first, ended as failed.",
        "task_id": first,
        "status": "failed",
    }
    follow(app)
    assert read(alice, third)["error"]["task_id"] == second
    assert waiting(alice) == 0


def follow(app: Flask) -> None:
    """What the dispatcher does with what was left over."""
    done = 1
    while done:
        with transaction.own(app.extensions["taskyard.database"]) as connection:
            done = chains.go_on(connection, clock.now())


def test_one_may_run_whatever_became_of_those_before_it(alice: Caller) -> None:
    ids = [add(alice)["id"] for _ in range(3)]
    then = add(alice, "d", after=ids, on_failure="run")["id"]
    run(alice, "failed")
    alice.post(f"/v1/tasks/{ids[1]}/cancel")
    assert read(alice, then)["status"] == "scheduled"
    run(alice)
    assert run(alice, queue="d") == then


def test_its_own_time_counts_too(alice: Caller) -> None:
    first = add(alice)["id"]
    then = add(alice, after=[first], delay_s=3600)
    run(alice)
    assert read(alice, then["id"])["status"] == "scheduled"
    assert waiting(alice) == 0
    alice.patch(f"/v1/tasks/{then['id']}", {"run_at": "2020-01-01T00:00:00Z"})
    assert run(alice) == then["id"]


def test_a_waiting_one_can_be_changed_and_stays_where_it_is(alice: Caller) -> None:
    first = add(alice)["id"]
    then = add(alice, "d", after=[first])["id"]
    changed = alice.patch(f"/v1/tasks/{then}", {"priority": "high", "payload": 7, "run_at": "2020-01-01T00:00:00Z"})
    assert changed.status_code == 200, changed.text
    assert (changed.json["status"], changed.json["priority"]) == ("scheduled", "high")
    assert waiting(alice, "d") == 0
    run(alice)
    [lease] = alice.post("/v1/leases", {"queues": ["d"]}).json["leases"]
    assert (lease["task"]["payload"], lease["task"]["priority"]) == (7, "high")


def test_a_cancelled_one_runs_without_waiting_when_it_is_retried(alice: Caller) -> None:
    first = add(alice)["id"]
    then = add(alice, "d", after=[first])["id"]
    assert alice.post(f"/v1/tasks/{then}/cancel").json["status"] == "cancelled"
    assert alice.post(f"/v1/tasks/{then}/retry").json["status"] == "queued"
    assert run(alice, queue="d") == then
    run(alice)
    assert read(alice, then)["status"] == "succeeded"


def test_a_retry_of_what_failed_brings_nobody_back(alice: Caller) -> None:
    first = add(alice)["id"]
    then = add(alice, after=[first])["id"]
    run(alice, "failed")
    alice.post(f"/v1/tasks/{first}/retry")
    run(alice)
    assert read(alice, then)["status"] == "cancelled"
    assert alice.delete(f"/v1/tasks/{first}").status_code == 204
    assert read(alice, then)["after"] == [first]


def test_a_purge_takes_what_waits_for_others_too(alice: Caller, mia: Caller) -> None:
    first = add(alice)["id"]
    then = add(alice, "d", after=[first])["id"]
    assert mia.get("/v1/queues/d").json["scheduled"]["count"] == 1
    assert "d" in [one["name"] for one in mia.get("/v1/queues").json["queues"]]
    assert mia.post("/v1/queues/d/purge", {"confirm": "d"}).json["cancelled"] == 1
    run(alice)
    assert read(alice, then)["status"] == "cancelled"


def test_lists_by_status_tell_the_same(alice: Caller) -> None:
    first = add(alice)["id"]
    then = add(alice, after=[first])["id"]
    assert [one["id"] for one in alice.get("/v1/tasks?status=scheduled").json["tasks"]] == [then]
    assert [one["id"] for one in alice.get("/v1/tasks?status=queued").json["tasks"]] == [first]


def test_every_name_that_is_wrong_is_told_at_once(alice: Caller, bob: Caller) -> None:
    mine, theirs = add(alice)["id"], add(bob)["id"]
    before = [NOBODY, mine, theirs, mine.upper(), "#0"]
    refused = alice.post("/v1/tasks", {"command": "c", "after": before, "expires_at": "2020-01-01T00:00:00Z"})
    assert refused.status_code == 422
    told = {fault["pointer"]: fault["detail"] for fault in refused.json["errors"]}
    assert list(told) == ["/expires_at", "/after/0", "/after/2", "/after/3", "/after/4"]
    assert told["/after/0"] == told["/after/2"], "what is not yours is not there"
    assert len(alice.get("/v1/tasks").json["tasks"]) == 1


@pytest.mark.parametrize(
    "sent",
    [
        {"after": []},
        {"after": ["x"]},
        {"after": [None]},
        {"after": "#0"},
        {"after": ["#1000"]},
        {"after": ["#0\n"]},
        {"after": [f"{NOBODY}\0"]},
        {"after": [NOBODY] * 101},
        {"after": [NOBODY], "on_failure": "wait"},
        {"on_failure": "run"},
    ],
)
def test_nonsense_is_refused(alice: Caller, sent: dict[str, Any]) -> None:
    assert alice.post("/v1/tasks", {"command": "c", **sent}).status_code == 422


def batch(who: Caller, tasks: list[dict[str, Any]], **more: Any) -> Any:
    return who.post("/v1/tasks/batch", {"tasks": [{"command": "c", **one} for one in tasks], **more})


def test_a_batch_may_be_a_chain(alice: Caller) -> None:
    told = batch(alice, [{}, {"after": ["#0"]}, {"after": ["#0", "#1"], "command": "d"}]).json["tasks"]
    ids = [one["task"]["id"] for one in told]
    assert [one["task"]["status"] for one in told] == ["queued", "scheduled", "scheduled"]
    assert told[2]["task"]["after"] == ids[:2]
    assert [run(alice), run(alice), run(alice, queue="d")] == ids


def test_only_tasks_before_it_can_be_named(alice: Caller) -> None:
    refused = batch(alice, [{"after": ["#0"]}, {"after": ["#2", "#0", "#0"]}, {}])
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json["errors"]] == [
        "/tasks/0/after/0",
        "/tasks/1/after/0",
        "/tasks/1/after/1",
        "/tasks/1/after/2",
    ]


def test_each_for_itself_falls_with_what_it_waits_for(alice: Caller) -> None:
    add(alice, unique={"key": "k"})
    tasks: list[dict[str, Any]] = [{}, {"priority": "x"}, {"after": ["#1"]}, {"unique": {"key": "k"}}]
    tasks += [{"after": ["#3", "#0"], "unique": {"key": "l"}}, {"after": ["#4"]}, {"after": ["#0"]}]
    told = batch(alice, tasks, atomic=False).json["tasks"]
    assert [one["status"] for one in told] == [201, 422, 422, 409, 409, 409, 201]
    assert told[2]["problem"]["errors"][0]["pointer"] == "/tasks/2/after/0"
    assert add(alice, unique={"key": "l"})["status"] == "queued", "the key of what was refused is free"


def test_the_task_that_has_the_key_is_waited_for_in_its_place(alice: Caller) -> None:
    there = add(alice, unique={"key": "k"})["id"]
    again = {"unique": {"key": "k", "on_conflict": "return"}}
    told = batch(alice, [again, {"after": ["#0"]}]).json["tasks"]
    assert [one["status"] for one in told] == [200, 201]
    assert told[1]["task"]["after"] == [there]
    run(alice)
    assert read(alice, told[1]["task"]["id"])["status"] == "queued"


def test_a_closed_queue_refuses_in_a_batch(alice: Caller, mia: Caller) -> None:
    mia.post("/v1/queues/shut/drain")
    tasks = [{}, {"queue": "shut"}, {"after": ["#1"]}]
    assert batch(alice, tasks).status_code == 409
    assert alice.get("/v1/tasks").json["tasks"] == []
    told = batch(alice, tasks, atomic=False).json["tasks"]
    assert [one["status"] for one in told] == [201, 409, 409]
    assert "closed" in told[1]["problem"]["detail"]


def test_a_chain_of_a_thousand_is_accepted_and_falls(app: Flask, alice: Caller) -> None:
    told = batch(alice, [{}, *({"after": [f"#{i}"]} for i in range(999))]).json["tasks"]
    assert told[999]["status"] == 201
    run(alice, "failed")
    follow(app)
    assert read(alice, told[999]["task"]["id"])["status"] == "cancelled"
    assert waiting(alice) == 0


def test_a_repeat_with_its_key_gets_the_first_answer(alice: Caller) -> None:
    first = add(alice)["id"]
    sent = {"command": "c", "after": [first]}
    answers = [alice.post("/v1/tasks", sent, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].json == answers[1].json


def test_explain_names_what_it_waits_for(alice: Caller) -> None:
    ids = [add(alice)["id"] for _ in range(12)]
    then = add(alice, "d", after=ids)["id"]
    alice.post("/v1/leases", {"queues": ["c"]})
    told = alice.get(f"/v1/tasks/{then}/explain").json
    assert [one["code"] for one in told["reasons"]] == ["waits_for", "no_worker"]
    detail = told["reasons"][0]["detail"]
    assert detail.startswith(f"It waits for 12 tasks to end: {ids[0]} (running), {ids[1]} (queued)")
    assert detail.endswith("and 2 more.")
    assert "cancelled" in told["reasons"][0]["action"]
    assert told["next"] == "The last of those that it waits for lets it go when it ends."
