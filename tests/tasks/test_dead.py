"""Dead tasks, grouped by what they died of."""

import re
from typing import Any

import pytest
from flask import Flask

from support.caller import Caller
from support.description import Described
from support.people import ALICE
from taskyard.core import transaction
from taskyard.core.clock import FrozenClock
from taskyard.queue import dead, sweeps


def fail(who: Caller, message: str, command: str = "c", **sent: Any) -> str:
    created: str = who.post("/v1/tasks", {"command": command, "max_attempts": 1, **sent}).json["id"]
    [lease] = who.post("/v1/leases", {"queues": [sent.get("queue", command)], "limit": 1}).json["leases"]
    report = {"token": lease["token"], "outcome": "failed", "error": {"type": "E", "message": message}}
    who.post("/v1/leases/settle", {"leases": [report]})
    return created


def groups(who: Caller, query: str = "") -> list[dict[str, Any]]:
    answer = who.get(f"/v1/dead?{query}")
    assert answer.status_code == 200, answer.text
    assert Described(who.app).faults("GET", "/v1/dead", answer) == []
    found: list[dict[str, Any]] = answer.json["groups"]
    return sorted(found, key=lambda group: -group["count"])


def test_tasks_that_died_of_the_same_are_one_group(alice: Caller, time: FrozenClock) -> None:
    first_at = time.now().isoformat().replace("+00:00", "")
    ids = [fail(alice, f"no answer after {n} s") for n in range(2)]
    time.advance(60)
    ids.append(fail(alice, "no answer after 9 s"))
    other = fail(alice, "no memory")
    same, one = groups(alice)
    assert (same["count"], same["capped"], same["task_id"], same["command"]) == (3, False, ids[-1], "c")
    assert same["error"] == {"type": "E", "message": "no answer after 9 s"}
    assert same["first_at"].startswith(first_at[:19])
    assert same["last_at"] > same["first_at"]
    assert (one["count"], one["task_id"]) == (1, other)
    listed = alice.get(f"/v1/tasks?fingerprint={same['fingerprint']}").json["tasks"]
    assert [task["id"] for task in listed] == ids[::-1]


def test_only_dead_tasks_have_a_group(app: Flask, alice: Caller, time: FrozenClock) -> None:
    dead_id = fail(alice, "boom")
    alice.post("/v1/tasks", {"command": "waits"})
    fail(alice, "boom", "retries", max_attempts=2)
    [group] = groups(alice)
    assert group["task_id"] == dead_id
    alice.post(f"/v1/tasks/{dead_id}/retry")
    assert groups(alice) == []
    assert alice.get(f"/v1/tasks?fingerprint={group['fingerprint']}").json["tasks"] == []


@pytest.mark.usefixtures("alice")
def test_a_task_whose_worker_was_lost_is_dead_too(app: Flask, alice: Caller, mia: Caller, time: FrozenClock) -> None:
    mia.put("/v1/commands/pay", {"on_lost": "hold"})
    alice.post("/v1/tasks", {"command": "pay"})
    alice.post("/v1/leases", {"queues": ["pay"], "lease_s": 5})
    time.advance(6)
    with transaction.own(app.extensions["taskyard.database"]) as connection:
        sweeps.reap(connection, time.now())
    [group] = groups(alice)
    assert (group["command"], group["error"]["type"]) == ("pay", "lost")


def test_filters(alice: Caller, time: FrozenClock) -> None:
    fail(alice, "boom")
    fail(alice, "boom", queue="other")
    time.advance(60)
    later = time.now().isoformat().replace("+00:00", "Z")
    fail(alice, "boom", "d")
    assert [(g["command"], g["count"]) for g in groups(alice)] == [("c", 2), ("d", 1)]
    assert [g["command"] for g in groups(alice, "command=d")] == ["d"]
    assert [(g["command"], g["count"]) for g in groups(alice, "queue=other")] == [("c", 1)]
    assert [g["command"] for g in groups(alice, f"since={later}")] == ["d"]
    assert groups(alice, "command=none") == []


def test_who_sees_what(nobody: Caller, alice: Caller, bob: Caller, mia: Caller) -> None:
    fail(alice, "boom")
    fail(bob, "boom")
    assert nobody.get("/v1/dead").status_code == 401
    assert [g["count"] for g in groups(bob)] == [1]
    assert bob.get("/v1/dead?owner=all").status_code == 403
    assert groups(mia) == []
    assert [g["count"] for g in groups(mia, "owner=all")] == [2]
    assert [g["count"] for g in groups(mia, f"owner={ALICE.id}")] == [1]


@pytest.mark.parametrize("query", ["fingerprint=ab", "since=today", "limit=0", "command=%00", "owner=x", "cursor=x"])
def test_bad_input(alice: Caller, query: str) -> None:
    answer = alice.get(f"/v1/dead?{query}")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["parameter"] == query.partition("=")[0]


def test_pages_hold_every_group_once(alice: Caller) -> None:
    for command in "abcde":
        fail(alice, "boom", command)
    seen, path = [], "/v1/dead?limit=2"
    while path:
        answer = alice.get(path)
        seen += [group["command"] for group in answer.json["groups"]]
        link = re.fullmatch(r'<(.+)>; rel="next"', answer.headers.get("Link", ""))
        path = link[1] if link else ""
    assert sorted(seen) == list("abcde")


def test_a_look_at_many_groups_has_its_bounds(alice: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead, "WALK", 2)
    monkeypatch.setattr(dead, "COST", 2 + dead.EACH)
    for letters in ("one", "two", "three", "four", "five"):
        fail(alice, letters)
        fail(alice, letters, "other")
    sizes, seen, path = [], [], "/v1/dead?command=other"
    while path:
        answer = alice.get(path)
        sizes.append(len(answer.json["groups"]))
        seen += [group["error"]["message"] for group in answer.json["groups"]]
        link = re.fullmatch(r'<(.+)>; rel="next"', answer.headers.get("Link", ""))
        path = link[1] if link else ""
    assert sorted(seen) == ["five", "four", "one", "three", "two"]
    assert len(sizes) > 2, "each page looks at few"
    assert max(sizes) <= 3


def test_a_large_group_is_not_counted_to_its_end(alice: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead, "COUNTED", 2)
    ids = [fail(alice, "boom") for _ in range(3)]
    [group] = groups(alice)
    assert (group["count"], group["capped"], group["task_id"]) == (2, True, ids[-1])
