"""Tasks, attempts and leases are written by hand (render.py): what they say is what their schemas promise."""

from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from support.caller import Caller
from support.description import Described
from support.people import ALICE


class Checked(Caller):
    """A caller whose every answer is held against the description."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app, ALICE)
        self.described = Described(app)

    def request(self, method: str, path: str, **options: Any) -> TestResponse:
        answer = super().request(method, path, **options)
        assert self.described.faults(method, path.partition("?")[0], answer) == []
        return answer


@pytest.fixture
def caller(app: Flask) -> Checked:
    return Checked(app)


def submitted(caller: Checked, **more: Any) -> str:
    path: str = caller.post("/v1/tasks", {"command": "resize", **more}).headers["Location"]
    return path


def claimed(caller: Checked) -> dict[str, Any]:
    [lease] = caller.post("/v1/leases", {"queues": ["resize"], "worker": "w1"}).json["leases"]
    assert isinstance(lease, dict)
    return lease


def settled(caller: Checked, lease: dict[str, Any], outcome: str, **more: Any) -> None:
    caller.post("/v1/leases/settle", {"leases": [{"token": lease["token"], "outcome": outcome, **more}]})


def test_a_task_that_waits(caller: Checked) -> None:
    path = submitted(caller, payload={"width": 200}, tags=["a"], delay_s=60, expires_at="2100-01-01T00:00:00Z")
    assert caller.get(path).json["status"] == "scheduled"
    assert caller.patch(path, {"priority": "low", "run_at": "2000-01-01T00:00:00+02:00"}).json["status"] == "queued"


@pytest.mark.parametrize("payload", [None, True, 0, 1.5, "text", [], {}, [{"a": [None]}]])
def test_a_task_with_any_payload(caller: Checked, payload: Any) -> None:
    assert caller.get(submitted(caller, payload=payload)).json["payload"] == payload


def test_a_task_that_runs_and_succeeds(caller: Checked) -> None:
    path = submitted(caller)
    lease = claimed(caller)
    beat = {"token": lease["token"], "progress": 40, "note": "half way", "log": "line\n"}
    assert caller.post("/v1/leases/extend", {"leases": [beat]}).json["leases"][0]["status"] == "ok"
    assert caller.get(path).json["lease"]["progress"] == 40
    caller.get(f"{path}/attempts")
    settled(caller, lease, "succeeded", result={"url": "/200.png"})
    assert caller.get(path).json["status"] == "succeeded"
    caller.get(f"{path}/attempts")
    assert caller.delete(path).status_code == 204


def test_a_task_that_fails_and_is_retried(caller: Checked) -> None:
    path = submitted(caller, max_attempts=1)
    settled(caller, claimed(caller), "failed", error={"message": "no"})
    assert caller.get(path).json["status"] == "failed"
    assert caller.post(f"{path}/retry").json["status"] == "queued"
    settled(caller, claimed(caller), "released", retry_in_s=60)
    caller.get(f"{path}/attempts")


def test_a_task_that_is_cancelled_while_it_runs(caller: Checked) -> None:
    path = submitted(caller)
    lease = claimed(caller)
    assert caller.post(f"{path}/cancel").json["lease"]["cancel_requested_at"]
    told = caller.post("/v1/leases/extend", {"leases": [{"token": lease["token"]}]})
    assert told.json["leases"][0]["status"] == "cancel"
    settled(caller, lease, "released")
    assert caller.post(f"{path}/cancel").json["status"] == "cancelled"


def test_pages_of_tasks(caller: Checked) -> None:
    for _ in range(3):
        submitted(caller)
    assert len(caller.get("/v1/tasks?limit=2").json["tasks"]) == 2
    assert caller.get("/v1/tasks?status=failed").json == {"tasks": []}


def test_a_claim_that_finds_nothing(caller: Checked) -> None:
    assert caller.post("/v1/leases", {"queues": ["nothing"]}).status_code == 204


def test_reports_on_leases_that_are_not_held(caller: Checked) -> None:
    settled(caller, {"token": "nothing"}, "succeeded")


def test_a_repeated_post(caller: Checked) -> None:
    for _ in range(2):
        answer = caller.post("/v1/tasks", {"command": "resize"}, headers={"Idempotency-Key": "order-1"})
    assert answer.headers["Idempotency-Replayed"] == "true"


def test_refusals(caller: Checked) -> None:
    path = submitted(caller)
    assert caller.post("/v1/tasks", {"command": " ", "max_attempts": 0}).status_code == 422
    assert caller.post("/v1/tasks", data="{}", content_type="text/plain").status_code == 415
    assert caller.post("/v1/tasks", {"command": "a", "payload": "x" * 3_000_000}).status_code == 413
    assert caller.delete(path).status_code == 409
    assert caller.get("/v1/tasks/00000000-0000-7000-8000-000000000000").status_code == 404
    assert caller.get("/v1/tasks?owner=all").status_code == 403
    assert caller.get("/v1/tasks", headers={"Authorization": "Bearer ty_nobody"}).status_code == 401


def test_batches(caller: Checked) -> None:
    sent = [{"command": "resize"}, {"command": " "}]
    assert caller.post("/v1/tasks/batch", {"tasks": sent}).status_code == 422
    each = caller.post("/v1/tasks/batch", {"tasks": sent, "atomic": False}).json["tasks"]
    assert [one["status"] for one in each] == [201, 422]


def test_a_task_with_all_that_can_be_said_of_retries(caller: Checked) -> None:
    listed = {"kind": "list", "delays_s": [1, 5], "max_duration_s": 60}
    path = submitted(caller, backoff=listed, max_crashes=1, on_lost="hold", unique={"key": "k"})
    assert caller.get(path).json["backoff"] == listed
    same = caller.post("/v1/tasks", {"command": "resize", "unique": {"key": "k", "on_conflict": "return"}})
    assert same.status_code == 200
