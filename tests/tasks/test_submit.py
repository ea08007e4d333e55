"""POST /v1/tasks."""

from datetime import timedelta
from typing import Any

import pytest

from support.caller import Caller
from taskyard.core.clock import FrozenClock
from taskyard.core.types import instant_to_text

HOUR = timedelta(hours=1)


def test_a_task_is_accepted_with_its_defaults(alice: Caller, time: FrozenClock) -> None:
    answer = alice.post("/v1/tasks", {"command": "resize"})
    assert answer.status_code == 201
    task = answer.json
    assert answer.headers["Location"] == f"/v1/tasks/{task['id']}"
    assert task["id"][14] == "7", "a UUID of version 7"
    assert (task["status"], task["queue"], task["priority"], task["payload"]) == ("queued", "resize", "normal", None)
    assert task["created_at"] == task["run_at"] == instant_to_text(time.now())
    assert alice.get(answer.headers["Location"]).json == task


def test_a_stranger_submits_nothing(nobody: Caller) -> None:
    assert nobody.post("/v1/tasks", {"command": "resize"}).status_code == 401


@pytest.mark.parametrize(
    "payload",
    [
        None,
        True,
        0,
        -(2**63),
        2**63 - 1,
        0.1,
        1e308,
        "",
        "é 🦊 \U0010ffff \u2028",
        [],
        {},
        {"": {"é/~": [None, {"🦊": 1.5}]}},
        [[[[]]]],
        "x" * (256 * 1024 - 2),
    ],
)
def test_any_json_is_kept_as_it_was_sent(alice: Caller, payload: Any) -> None:
    submitted = alice.post("/v1/tasks", {"command": "c", "payload": payload})
    assert submitted.status_code == 201
    assert submitted.json["payload"] == payload
    assert alice.get(submitted.headers["Location"]).json["payload"] == payload
    assert alice.post("/v1/leases", {"queues": ["c"]}).json["leases"][0]["task"]["payload"] == payload


@pytest.mark.parametrize(
    ("command", "queue"),
    [
        ("resize", "resize"),
        ("Resize.image:v2_a-b", "Resize.image:v2_a-b"),
        ("resize image", "resize-image"),
        ("a/b", "a-b"),
        ("_private", "private"),
        ("résumé", "r-sum-"),
        (" padded", "padded"),
        ("日本語", "default"),
        ("c" * 100, "c" * 100),
    ],
)
def test_the_queue_comes_from_the_command(alice: Caller, command: str, queue: str) -> None:
    task = alice.post("/v1/tasks", {"command": command}).json
    assert (task["command"], task["queue"]) == (command, queue)
    assert alice.post("/v1/leases", {"queues": [queue]}).json["leases"][0]["task"]["id"] == task["id"]


def test_tags_are_a_set(alice: Caller) -> None:
    task = alice.post("/v1/tasks", {"command": "c", "tags": ["b", "a", "b", "é 🦊"]}).json
    assert task["tags"] == ["b", "a", "é 🦊"]
    assert alice.get("/v1/tasks?tag=b").json["tasks"] == [task]


@pytest.mark.parametrize(
    ("sent", "status", "offset"),
    [
        ({"delay_s": 0}, "queued", timedelta(0)),
        ({"delay_s": 0.5}, "scheduled", timedelta(seconds=0.5)),
        ({"delay_s": 366 * 86_400}, "scheduled", timedelta(days=366)),
        ({"run_at": -HOUR}, "queued", timedelta(0)),  # what is past is now
        ({"run_at": HOUR}, "scheduled", HOUR),
    ],
)
def test_when_a_task_may_run(
    alice: Caller, time: FrozenClock, sent: dict[str, Any], status: str, offset: timedelta
) -> None:
    if "run_at" in sent:
        sent = {"run_at": (time.now() + sent["run_at"]).isoformat()}
    task = alice.post("/v1/tasks", {"command": "c", **sent}).json
    assert task["status"] == status
    assert task["run_at"] == instant_to_text(time.now() + offset)
    assert alice.get(f"/v1/tasks/{task['id']}").json["run_at"] == task["run_at"]
    claimed = alice.post("/v1/leases", {"queues": ["c"]})
    assert claimed.status_code == (200 if status == "queued" else 204)


def test_a_task_that_has_expired_already_is_refused(alice: Caller, time: FrozenClock) -> None:
    refused = alice.post("/v1/tasks", {"command": "c", "expires_at": time.now().isoformat()})
    assert refused.status_code == 422
    assert refused.json["errors"] == [{"detail": "Must be in the future.", "pointer": "/expires_at"}]


def test_when_a_task_was_due_stays_known(alice: Caller, time: FrozenClock) -> None:
    task = alice.post("/v1/tasks", {"command": "c"}).json
    time.advance(5)
    [lease] = alice.post("/v1/leases", {"queues": ["c"]}).json["leases"]
    alice.post("/v1/leases/settle", {"leases": [{"token": lease["token"], "outcome": "succeeded"}]})
    done = alice.get(f"/v1/tasks/{task['id']}").json
    assert (done["status"], done["run_at"]) == ("succeeded", task["run_at"])


def test_times_are_told_in_utc(alice: Caller) -> None:
    sent = {"run_at": "2999-01-01T01:30:00+01:30", "expires_at": "9998-12-31T23:59:59.999999-00:00"}
    task = alice.post("/v1/tasks", {"command": "c", **sent}).json
    assert task["run_at"] == "2999-01-01T00:00:00.000000Z"
    assert task["expires_at"] == "9998-12-31T23:59:59.999999Z"
    assert alice.get(f"/v1/tasks/{task['id']}").json == task
