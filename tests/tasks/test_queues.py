"""Queues over HTTP: read, pause, close, empty."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from support.caller import Caller
from support.signals import until
from support.yard import Yard, at_once
from taskyard.core.clock import FrozenClock
from taskyard.core.db import Database
from taskyard.queue import overview, purge, ready
from taskyard.tasks import queues
from taskyard.tasks.waiting import waiting

DEEDS = ("pause", "resume", "drain", "open")


def submit(who: Caller, queue: str = "q", **sent: Any) -> str:
    answer = who.post("/v1/tasks", {"command": "c", "queue": queue, **sent})
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def claim(who: Caller, *names: str, **sent: Any) -> list[str]:
    answer = who.post("/v1/leases", {"queues": list(names), "limit": 10, **sent})
    assert answer.status_code in {200, 204}, answer.text
    return [one["task"]["id"] for one in answer.json["leases"]] if answer.status_code == 200 else []


def status(who: Caller, task_id: str) -> str:
    return str(who.get(f"/v1/tasks/{task_id}").json["status"])


def test_nobody_reads_or_changes_queues(nobody: Caller) -> None:
    assert nobody.get("/v1/queues").status_code == 401
    assert nobody.get("/v1/queues/q").status_code == 401
    for deed in (*DEEDS, "purge"):
        assert nobody.post(f"/v1/queues/q/{deed}", {}).status_code == 401


def test_a_user_reads_queues_and_changes_none(alice: Caller) -> None:
    assert alice.get("/v1/queues").status_code == 200
    for deed in DEEDS:
        assert alice.post(f"/v1/queues/q/{deed}").status_code == 403
    assert alice.post("/v1/queues/q/purge", {"confirm": "q"}).status_code == 403


@pytest.mark.parametrize("name", ["-x", "a b", "é", "a%2Fb", "x" * 101])
def test_what_cannot_be_a_queue_is_not_there(mia: Caller, name: str) -> None:
    assert mia.get(f"/v1/queues/{name}").status_code == 404
    assert mia.post(f"/v1/queues/{name}/pause").status_code == 404
    assert mia.post(f"/v1/queues/{name}/purge", {"confirm": name}).status_code == 404


def test_any_name_is_a_queue_that_is_open_and_empty(alice: Caller) -> None:
    answer = alice.get("/v1/queues/new.one")
    none = {"count": 0, "capped": False}
    assert answer.json == {
        "name": "new.one",
        "paused_at": None,
        "closed_at": None,
        "oldest_ready_at": None,
        "age_s": None,
        "last_asked_at": None,
        "warning": None,
        "depth": {"high": none, "normal": none, "low": none},
        "scheduled": none,
        "running": none,
        "parked": none,
        "limits": {"max_running": None, "rate": None},
        "key_limits": {"max_running": None, "rate": None},
        "weights": {},
    }
    assert answer.headers["ETag"] == '"v0"'


def test_a_queue_tells_what_is_in_it_and_for_how_long(
    alice: Caller, time: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready, "_last_seq", 0)  # another test's clock may have been ahead of this one's
    first = submit(alice)
    time.advance(30)
    for sent in ({"priority": "high"}, {"priority": "high"}, {"delay_s": 60}):
        submit(alice, **sent)
    submit(alice, "other")
    found = alice.get("/v1/queues/q").json
    assert {priority: one["count"] for priority, one in found["depth"].items()} == {"high": 2, "normal": 1, "low": 0}
    assert (found["scheduled"]["count"], found["running"]["count"], found["age_s"]) == (1, 0, 30)
    assert found["oldest_ready_at"] == alice.get(f"/v1/tasks/{first}").json["created_at"]
    assert len(claim(alice, "q")) == 3
    found = alice.get("/v1/queues/q").json
    assert (found["depth"]["high"]["count"], found["running"]["count"], found["oldest_ready_at"]) == (0, 3, None)


def test_the_oldest_need_not_be_the_first_in_a_fair_line(
    alice: Caller, time: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready, "_last_seq", 0)  # another test's clock may have been ahead of this one's
    many = [submit(alice, fairness_key="many") for _ in range(3)]
    time.advance(10)
    comes = submit(alice, fairness_key="few")
    assert claim(alice, "q", limit=2) == [many[0], comes]
    time.advance(10)
    few = submit(alice, fairness_key="few")
    assert claim(alice, "q", limit=1) == [many[1]]
    assert alice.get("/v1/queues/q").json["age_s"] == pytest.approx(20, abs=0.001)
    assert claim(alice, "q", limit=1) == [few]


def test_what_is_parked_is_told_the_age_of_and_gives_no_warning(
    alice: Caller, mia: Caller, time: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready, "_last_seq", 0)
    assert mia.patch("/v1/queues/q", {"key_limits": {"max_running": 1}}).status_code == 200
    for _ in range(3):
        submit(alice, limit_key="k")
    assert len(claim(alice, "q")) == 1
    time.advance(100)
    found = alice.get("/v1/queues/q").json
    assert (found["parked"]["count"], found["age_s"], found["warning"]) == (2, pytest.approx(100, abs=0.001), None)
    submit(alice, limit_key="other")
    found = alice.get("/v1/queues/q").json
    assert (found["age_s"], found["warning"]) == (pytest.approx(100, abs=0.001), queues.NOBODY)


def test_counts_stop_at_a_bound(alice: Caller, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "MOST", 2)
    assert overview.tally(2) == overview.Tally(2, False)
    assert overview.tally(3) == overview.Tally(2, True)
    for _ in range(3):
        submit(alice)
    assert alice.get("/v1/queues/q").json["depth"]["normal"] == {"count": 2, "capped": True}


def test_queues_are_listed_by_name_page_by_page(alice: Caller, mia: Caller) -> None:
    submit(alice, "waits")
    submit(alice, "later", delay_s=60)
    submit(alice, "runs")
    submit(alice, "a-second")
    submit(alice, "a-second")
    assert claim(alice, "runs")
    mia.post("/v1/queues/paused/pause")
    seen: list[str] = []
    path = "/v1/queues?limit=2"
    while path:
        answer = alice.get(path)
        seen += [one["name"] for one in answer.json["queues"]]
        path = answer.headers.get("Link", "").partition(">")[0].lstrip("<")
    assert seen == ["a-second", "later", "paused", "runs", "waits"]
    assert alice.get("/v1/queues?limit=0").status_code == 422
    assert alice.get("/v1/queues?cursor=x").status_code == 422


def test_a_paused_queue_gives_nothing_and_keeps_all(alice: Caller, mia: Caller) -> None:
    waits = submit(alice)
    paused = mia.post("/v1/queues/q/pause").json
    assert paused["paused_at"] is not None
    comes = submit(alice)
    elsewhere = submit(alice, "other")
    assert claim(alice, "q", "other") == [elsewhere]
    assert (status(alice, waits), status(alice, comes)) == ("queued", "queued")
    assert mia.post("/v1/queues/q/pause").json["paused_at"] == paused["paused_at"]
    assert mia.post("/v1/queues/q/resume").json["paused_at"] is None
    assert claim(alice, "q") == [waits, comes]


def test_a_claim_that_waits_respects_a_pause_and_gets_its_task_when_it_ends(
    app: Flask, alice: Caller, mia: Caller
) -> None:
    mia.post("/v1/queues/q/pause")
    task_id = submit(alice)
    assert claim(alice, "q", wait=0.2) == []
    resumed, taken = at_once(
        lambda: mia.post("/v1/queues/q/resume"), lambda: claim(Caller(app, alice.person), "q", wait=10)
    )
    assert (resumed.status_code, taken) == (200, [task_id])


def test_a_claim_that_waits_when_the_pause_comes_gets_nothing_and_does_not_spin(
    app: Flask, alice: Caller, mia: Caller, database: Database
) -> None:
    begun: list[Any] = []
    note = begun.append

    def deed() -> str:
        until(lambda: len(waiting(database)) == 1)
        mia.post("/v1/queues/q/pause")
        task_id = submit(alice)
        event.listen(database.write, "begin", note)
        return task_id

    try:
        task_id, taken = at_once(deed, lambda: claim(Caller(app, alice.person), "q", wait=0.8))
    finally:
        event.remove(database.write, "begin", note)
    assert (taken, status(alice, task_id)) == ([], "queued")
    assert len(begun) <= 1  # the one look for which the new task woke it


def test_a_closed_queue_takes_nothing_new_and_runs_what_waits(alice: Caller, mia: Caller) -> None:
    waits = submit(alice)
    assert mia.post("/v1/queues/q/drain").json["closed_at"] is not None
    key = {"Idempotency-Key": "once"}
    refused = alice.post("/v1/tasks", {"command": "c", "queue": "q"}, headers=key)
    assert refused.status_code == 409
    assert "The queue q is closed to new tasks." in refused.json["detail"]
    assert submit(alice, "other")
    assert claim(alice, "q") == [waits]
    assert mia.post("/v1/queues/q/open").json["closed_at"] is None
    assert alice.post("/v1/tasks", {"command": "c", "queue": "q"}, headers=key).status_code == 201


def test_a_closed_queue_refuses_none_of_its_neighbours(app: Flask, alice: Caller, mia: Caller) -> None:
    mia.post("/v1/queues/shut/drain")
    names = ["shut", "q"] * 6
    answers = at_once(
        *(lambda n=n: Caller(app, alice.person).post("/v1/tasks", {"command": "c", "queue": n}) for n in names)
    )
    assert [one.status_code for one in answers] == [409, 201] * 6


def test_a_stale_version_changes_nothing(mia: Caller) -> None:
    assert mia.post("/v1/queues/q/pause", headers={"If-Match": '"v1"'}).status_code == 412
    fresh = mia.post("/v1/queues/q/pause", headers={"If-Match": '"v0"'})
    assert (fresh.status_code, fresh.headers["ETag"]) == (200, '"v1"')
    assert mia.post("/v1/queues/q/resume", headers={"If-Match": '"v0"'}).status_code == 412
    assert mia.post("/v1/queues/q/resume", headers={"If-Match": "v1"}).status_code == 422
    assert mia.get("/v1/queues/q").json["paused_at"] is not None


def test_a_purge_takes_a_confirmation_and_spares_what_runs(alice: Caller, mia: Caller) -> None:
    runs = submit(alice)
    assert claim(alice, "q") == [runs]
    waiting = [submit(alice), submit(alice, delay_s=60), submit(alice, priority="low")]
    other = submit(alice, "other")
    for sent in ({}, {"confirm": "other"}, {"confirm": ""}):
        assert mia.post("/v1/queues/q/purge", sent).status_code == 422
    assert mia.post("/v1/queues/q/purge", {"confirm": "q"}).json == {"cancelled": 3, "more": False}
    assert {status(alice, one) for one in waiting} == {"cancelled"}
    assert (status(alice, runs), status(alice, other)) == ("running", "queued")


def test_a_purge_goes_slice_by_slice_up_to_a_bound(
    alice: Caller, mia: Caller, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge, "SLICE", 2)
    monkeypatch.setattr(queues, "MOST_PURGED", 4)
    yard = Yard(database)
    for _ in range(5):
        yard.add()
    assert mia.post("/v1/queues/q/purge", {"confirm": "q"}).json == {"cancelled": 4, "more": True}
    assert mia.post("/v1/queues/q/purge", {"confirm": "q"}).json == {"cancelled": 1, "more": False}
