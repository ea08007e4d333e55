"""Cancel, retry, change and delete a task."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask

from support.caller import Caller
from support.yard import at_once
from taskyard.core import transaction
from taskyard.core.clock import FrozenClock
from taskyard.dispatcher.duties import all_duties

NOBODYS_ID = "00000000-0000-7000-8000-00000000dead"
DEEDS = [("POST", "/cancel"), ("POST", "/retry"), ("PATCH", ""), ("DELETE", "")]


def submit(who: Caller, **sent: Any) -> str:
    created: str = who.post("/v1/tasks", {"command": "c", **sent}).json["id"]
    return f"/v1/tasks/{created}"


def claim(who: Caller, **sent: Any) -> str:
    [lease] = who.post("/v1/leases", {"queues": ["c"], **sent}).json["leases"]
    token: str = lease["token"]
    return token


def settle(who: Caller, token: str, outcome: str = "succeeded", **sent: Any) -> dict[str, Any]:
    answer = who.post("/v1/leases/settle", {"leases": [{"token": token, "outcome": outcome, **sent}]})
    [one] = answer.json["leases"]
    return dict(one)


@pytest.mark.parametrize(("method", "path"), DEEDS)
def test_who_may(nobody: Caller, bob: Caller, alice: Caller, mia: Caller, method: str, path: str) -> None:
    task = submit(alice)
    options = {"json": {}} if method == "PATCH" else {}
    assert nobody.request(method, task + path, **options).status_code == 401
    assert bob.request(method, task + path, **options).status_code == 404
    assert alice.request(method, f"/v1/tasks/{NOBODYS_ID}{path}", **options).status_code == 404
    assert mia.request(method, task + path, **options).status_code in {200, 409}


def test_a_waiting_task_is_cancelled_at_once(alice: Caller) -> None:
    for sent in ({}, {"delay_s": 60}):
        task = submit(alice, **sent)
        cancelled = alice.post(f"{task}/cancel")
        assert (cancelled.status_code, cancelled.json["status"]) == (200, "cancelled")
        assert cancelled.json["finished_at"]
        assert alice.post(f"{task}/cancel").json == cancelled.json, "once more is no error"
    assert alice.post("/v1/leases", {"queues": ["c"]}).status_code == 204


def test_a_running_task_is_cancelled_at_its_next_heartbeat(alice: Caller) -> None:
    task = submit(alice)
    token = claim(alice)
    asked = alice.post(f"{task}/cancel").json
    assert asked["status"] == "running"
    assert asked["lease"]["cancel_requested_at"]
    assert alice.post(f"{task}/cancel").json == asked
    beat = alice.post("/v1/leases/extend", {"leases": [{"token": token}]})
    assert beat.json == {"leases": [{"token": token, "status": "cancel"}]}
    settled = settle(alice, token, "released")
    assert (settled["status"], settled["task_status"]) == ("cancelled", "cancelled")
    assert alice.get(task).json["status"] == "cancelled"


def test_of_several_who_cancel_at_once_each_has_done_it(app: Flask, alice: Caller) -> None:
    for _ in range(5):
        task = submit(alice)
        answers = at_once(*[partial(Caller(app, alice.person).post, f"{task}/cancel") for _ in range(4)])
        assert [one.status_code for one in answers] == [200] * 4


def test_what_has_ended_cannot_be_cancelled(alice: Caller) -> None:
    task = submit(alice)
    settle(alice, claim(alice))
    refused = alice.post(f"{task}/cancel")
    assert refused.status_code == 409
    assert "succeeded" in refused.json["detail"]


def test_a_failed_task_runs_again_with_fresh_counts(alice: Caller) -> None:
    task = submit(alice, max_attempts=1)
    assert alice.post(f"{task}/retry").status_code == 409
    token = claim(alice)
    assert alice.post(f"{task}/retry").status_code == 409
    settle(alice, token, "failed", error="boom")
    assert alice.get(task).json["error"] == "boom"
    again = alice.post(f"{task}/retry")
    assert again.status_code == 200
    assert {name: again.json[name] for name in ("status", "failures", "attempts", "error", "finished_at")} == {
        "status": "queued",
        "failures": 0,
        "attempts": 1,
        "error": None,
        "finished_at": None,
    }
    settle(alice, claim(alice))
    assert alice.post(f"{task}/retry").status_code == 409
    assert [one["number"] for one in alice.get(f"{task}/attempts").json["attempts"]] == [1, 2]


def test_an_expired_task_can_be_retried(alice: Caller, time: FrozenClock, app: Any) -> None:
    task = submit(alice, expires_at=(time.now() + timedelta(seconds=1)).isoformat())
    time.advance(1)
    from_dispatcher(app, "expire")
    assert alice.get(task).json["status"] == "expired"
    assert alice.post(f"{task}/retry").json["status"] == "queued"
    assert claim(alice)


def from_dispatcher(app: Any, name: str) -> None:
    [duty] = [duty for duty in all_duties(idempotency_s=86_400) if duty.name == name]
    with transaction.own(app.extensions["taskyard.database"]) as connection:
        duty.run(connection)


def test_a_waiting_task_can_be_changed(alice: Caller) -> None:
    task = submit(alice, tags=["old"], payload=1)
    sent = {"priority": "high", "payload": None, "tags": ["a", "b", "a"], "run_at": "2999-01-01T00:00:00Z"}
    changed = alice.patch(task, sent)
    assert changed.status_code == 200
    wanted = {"priority": "high", "payload": None, "tags": ["a", "b"], "run_at": "2999-01-01T00:00:00.000000Z"}
    assert {name: changed.json[name] for name in wanted} == wanted
    assert changed.json["status"] == "scheduled"
    assert alice.get("/v1/tasks?tag=old").json["tasks"] == []
    assert alice.get("/v1/tasks?tag=b").json["tasks"] == [changed.json]
    now = alice.patch(task, {"run_at": "1999-01-01T00:00:00Z"})
    assert now.json["status"] == "queued"
    assert claim(alice)


def test_a_change_keeps_the_place_in_the_line_unless_it_is_about_the_place(alice: Caller) -> None:
    first, second, third = submit(alice), submit(alice), submit(alice)
    for sent in ({}, {"tags": ["t"]}, {"payload": 1}):
        assert alice.patch(first, sent).status_code == 200
    alice.patch(third, {"priority": "high"})
    leases = alice.post("/v1/leases", {"queues": ["c"], "limit": 3}).json["leases"]
    assert [f"/v1/tasks/{one['task']['id']}" for one in leases] == [third, first, second]


def test_what_has_started_cannot_be_changed(alice: Caller) -> None:
    task = submit(alice)
    token = claim(alice)
    assert alice.patch(task, {"priority": "low"}).status_code == 409
    assert alice.patch(task, {"tags": []}).status_code == 409
    settle(alice, token, "failed", retry_in_s=60)
    assert alice.patch(task, {"priority": "low"}).json["status"] == "scheduled", "its retry has not"


def test_only_what_has_ended_can_be_deleted(alice: Caller) -> None:
    task = submit(alice, tags=["t"])
    assert alice.delete(task).status_code == 409
    token = claim(alice)
    assert alice.delete(task).status_code == 409
    settle(alice, token)
    deleted = alice.delete(task)
    assert (deleted.status_code, deleted.data) == (204, b"")
    for path in (task, f"{task}/attempts"):
        assert alice.get(path).status_code == 404
    assert alice.delete(task).status_code == 404
    assert alice.get("/v1/tasks?tag=t").json["tasks"] == []
