"""GET /v1/tasks/{id}/explain, on real tasks."""

from datetime import timedelta
from typing import Any

import pytest

from support.caller import Caller
from support.yard import Yard
from taskyard.core.clock import FrozenClock
from taskyard.core.db import Database
from taskyard.core.types import instant_to_text


def submit(who: Caller, **sent: Any) -> str:
    return str(who.post("/v1/tasks", {"command": "c", "queue": "ex", **sent}).json["id"])


def codes(who: Caller, task_id: str) -> list[str]:
    answer = who.get(f"/v1/tasks/{task_id}/explain")
    assert answer.status_code == 200, answer.text
    found = answer.json["reasons"]
    assert all(one["detail"] and one["action"] for one in found)
    assert answer.json["next"]
    return [one["code"] for one in found]


def claim(who: Caller, **sent: Any) -> str:
    return str(who.post("/v1/leases", {"queues": ["ex"], **sent}).json["leases"][0]["token"])


@pytest.fixture(autouse=True)
def _stopped(time: FrozenClock) -> None:
    time.advance(60)  # past the last note of a worker by another test


def test_only_who_sees_a_task_has_it_explained(nobody: Caller, alice: Caller, bob: Caller, mia: Caller) -> None:
    path = f"/v1/tasks/{submit(alice)}/explain"
    assert nobody.get(path).status_code == 401
    assert bob.get(path).status_code == 404
    assert mia.get(path).status_code == 200
    assert alice.get("/v1/tasks/00000000-0000-7000-8000-000000000000/explain").status_code == 404


def test_a_task_in_line_tells_what_stands_before_it(alice: Caller, mia: Caller, time: FrozenClock) -> None:
    first = submit(alice)
    second = submit(alice)
    urgent = submit(alice, priority="high")
    assert codes(alice, urgent) == ["no_worker"]
    assert codes(alice, second) == ["no_worker", "tasks_ahead"]
    assert "2 tasks stand" in alice.get(f"/v1/tasks/{second}/explain").json["reasons"][1]["detail"]
    claim(alice, worker="explains")
    assert codes(alice, first) == ["next_in_line"]
    mia.post("/v1/queues/ex/pause")
    mia.post("/v1/queues/ex/drain")
    assert codes(alice, first) == ["queue_paused", "queue_closed"]


def test_a_task_that_waits_for_its_time_tells_until_when(alice: Caller, database: Database, time: FrozenClock) -> None:
    later = submit(alice, delay_s=60, expires_at="2100-01-01T00:00:00Z")
    assert codes(alice, later) == ["scheduled", "no_worker", "expires"]
    time.advance(60)
    assert codes(alice, later) == ["due", "no_worker", "expires"]
    time.advance(6)
    assert codes(alice, later) == ["dispatcher_late", "no_worker", "expires"]
    Yard(database).promote()
    assert codes(alice, later) == ["no_worker", "expires"]


def test_a_task_that_runs_tells_where_and_then_how_it_went(alice: Caller, time: FrozenClock) -> None:
    task_id = submit(alice, max_attempts=2)
    token = claim(alice, worker="explains-2", lease_s=30)
    assert "no heartbeat yet" in alice.get(f"/v1/tasks/{task_id}/explain").json["reasons"][0]["detail"]
    alice.post("/v1/leases/extend", {"leases": [{"token": token, "lease_s": 30}]})
    shown = alice.get(f"/v1/tasks/{task_id}/explain").json
    assert "last heartbeat at" in shown["reasons"][0]["detail"]
    assert "explains-2" in shown["reasons"][0]["detail"]
    alice.post(f"/v1/tasks/{task_id}/cancel")
    time.advance(31)
    assert codes(alice, task_id) == ["running", "cancelling", "lease_over"]


def test_a_task_that_failed_tells_when_it_is_tried_again(alice: Caller, time: FrozenClock) -> None:
    task_id = submit(alice, max_attempts=2)
    report = {"outcome": "failed", "retry_in_s": 5}
    alice.post("/v1/leases/settle", {"leases": [{"token": claim(alice, worker="explains-3"), **report}]})
    assert codes(alice, task_id) == ["retry_waiting"]
    assert "1 of 2 failures" in alice.get(f"/v1/tasks/{task_id}/explain").json["reasons"][0]["detail"]
    alice.post(f"/v1/tasks/{task_id}/cancel")
    assert codes(alice, task_id) == ["cancelled"]


def told(who: Caller, task_id: str, code: str) -> str:
    found = {one["code"]: one["detail"] for one in who.get(f"/v1/tasks/{task_id}/explain").json["reasons"]}
    return str(found[code])


def test_a_task_over_the_limit_of_its_key_tells_who_holds_it(alice: Caller, bob: Caller, mia: Caller) -> None:
    mia.patch("/v1/queues/ex", {"key_limits": {"max_running": 2}})
    mine, theirs = submit(alice, limit_key="a/b"), submit(bob, limit_key="a/b")
    waits = submit(alice, limit_key="a/b")
    claim(alice, limit=3, worker="w")
    full = "The limit key a/b of the queue ex is full: 2/2 run, held by "
    assert codes(mia, waits) == ["key_limit"]
    assert told(mia, waits, "key_limit") == f"{full}{mine}, {theirs}."
    assert told(alice, waits, "key_limit") == f"{full}{mine} and 1 more.", "a user is told no ids of others"
    mia.post("/v1/queues/ex/keys/a%2Fb/pause")
    assert codes(alice, waits) == ["key_paused", "key_limit"]


def test_a_task_over_a_rate_tells_until_when(alice: Caller, mia: Caller, time: FrozenClock) -> None:
    mia.patch("/v1/queues/ex", {"limits": {"rate": {"count": 1, "per": "hour"}}, "key_limits": {"max_running": 1}})
    submit(alice, limit_key="k")
    waits = submit(alice, limit_key="k")
    began_at = time.now()
    claim(alice, limit=2, worker="w")
    assert codes(alice, waits)[-2:] == ["queue_rate", "key_limit"]
    until = instant_to_text(began_at + timedelta(hours=1))
    assert told(alice, waits, "queue_rate") == f"The queue ex has used up its rate, 1 per hour, until {until}."
    mia.patch("/v1/queues/ex", {"limits": {"max_running": 1, "rate": None}})
    assert codes(alice, waits)[-2:] == ["queue_limit", "key_limit"]
