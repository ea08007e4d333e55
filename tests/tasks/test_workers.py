"""Workers over HTTP: who asks, for what, running what; and draining them."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from support.caller import Caller
from support.people import ALICE, BOB
from taskyard.core import transaction
from taskyard.core.clock import FrozenClock
from taskyard.core.db import Database
from taskyard.dispatcher.duties import all_duties
from taskyard.queue import roll
from taskyard.queue.tables import worker
from taskyard.tasks.roll_call import RollCall

UNKNOWN = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def name() -> str:
    """Of a worker that this process has not noted before."""
    return f"host-1:{uuid4()}"


def claim(who: Caller, name: str, *queues: str, **sent: Any) -> Any:
    return who.post("/v1/leases", {"queues": list(queues or ("c",)), "worker": name, "limit": 10, **sent})


def workers(who: Caller) -> list[dict[str, Any]]:
    return list(who.get("/v1/workers").json["workers"])


def test_nobody_sees_or_drains_workers(nobody: Caller) -> None:
    assert nobody.get("/v1/workers").status_code == 401
    for deed in ("drain", "resume"):
        assert nobody.post(f"/v1/workers/{UNKNOWN}/{deed}").status_code == 401


def test_a_worker_is_seen_with_what_it_runs(alice: Caller, name: str, time: FrozenClock) -> None:
    task_id = alice.post("/v1/tasks", {"command": "c"}).json["id"]
    [lease] = claim(alice, name, "c", "d").json["leases"]
    time.advance(5)
    alice.post("/v1/leases/extend", {"leases": [{"token": lease["token"], "progress": 40, "note": "page 4"}]})
    [found] = workers(alice)
    [running] = found.pop("running")
    assert found.pop("id")
    assert found.pop("seen_at") < running.pop("beat_at") < running.pop("expires_at")
    assert running.pop("started_at")
    known = {"name": name, "holder_id": ALICE.id, "queues": ["c", "d"], "draining_since": None, "running_capped": False}
    assert found == known
    assert running == {"task_id": task_id, "command": "c", "queue": "c", "progress": 40, "note": "page 4"}


def test_a_user_sees_and_drains_its_own_workers_and_a_moderator_all(
    alice: Caller, bob: Caller, mia: Caller, name: str
) -> None:
    claim(alice, name)
    claim(bob, name)
    assert [one["holder_id"] for one in workers(alice)] == [ALICE.id]
    assert sorted(one["holder_id"] for one in workers(mia)) == [ALICE.id, BOB.id]
    theirs = workers(bob)[0]["id"]
    for deed in ("drain", "resume"):
        assert alice.post(f"/v1/workers/{theirs}/{deed}").status_code == 404
        assert mia.post(f"/v1/workers/{UNKNOWN}/{deed}").status_code == 404
        assert mia.post(f"/v1/workers/{theirs}/{deed}").status_code == 200


def test_a_drained_worker_gets_nothing_and_is_told_so(alice: Caller, name: str) -> None:
    claim(alice, name)
    worker = workers(alice)[0]["id"]
    drained = alice.post(f"/v1/workers/{worker}/drain").json
    assert drained["draining_since"] is not None
    assert alice.post(f"/v1/workers/{worker}/drain").json["draining_since"] == drained["draining_since"]
    alice.post("/v1/tasks", {"command": "c"})
    for wait in (0, 20):  # it is told at once, and does not wait
        told = claim(alice, name, wait=wait)
        assert (told.status_code, told.headers.get("Taskyard-Worker")) == (204, "draining")
    other = claim(alice, f"{name}-b")
    assert (other.status_code, other.headers.get("Taskyard-Worker")) == (200, None)
    alice.post("/v1/tasks", {"command": "c"})
    assert alice.post(f"/v1/workers/{worker}/resume").json["draining_since"] is None
    assert claim(alice, name).status_code == 200


def test_a_drained_worker_is_nobody_who_would_take_a_task(alice: Caller, name: str) -> None:
    claim(alice, name, name.replace(":", "-"))
    alice.post(f"/v1/workers/{workers(alice)[0]['id']}/drain")
    queue = name.replace(":", "-")
    task = alice.post("/v1/tasks", {"command": "c", "queue": queue}).headers["Location"]
    [reason] = alice.get(f"{task}/explain").json["reasons"]
    assert reason["code"] == "no_worker"
    assert "only workers that are being drained" in alice.get(f"/v1/queues/{queue}").json["warning"]


def test_one_that_runs_many_hides_nobody_elses(alice: Caller, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roll, "MOST_LEASES", 6)
    monkeypatch.setattr(roll, "LEAST_LEASES", 1)
    alice.post("/v1/tasks/batch", {"tasks": [{"command": "c"}] * 9})
    first = [lease["task"]["id"] for lease in claim(alice, name + "-a", limit=6).json["leases"]]
    second = [lease["task"]["id"] for lease in claim(alice, name + "-b", limit=3).json["leases"]]
    seen = [([one["task_id"] for one in worker["running"]], worker["running_capped"]) for worker in workers(alice)]
    assert seen == [(sorted(first)[:3], True), (sorted(second), False)]


def test_everybody_who_asked_in_the_last_minute_counts(
    alice: Caller, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roll, "MOST_ASKED", 2)
    claim(alice, name, "special")
    for number in range(4):
        claim(alice, f"{name}-{number}", "common")
    alice.post("/v1/tasks", {"command": "special"})
    found = alice.get("/v1/queues/special").json
    assert (found["warning"], found["last_asked_at"] is not None) == (None, True)


def test_a_drained_worker_gets_the_answer_it_lost(alice: Caller, name: str) -> None:
    alice.post("/v1/tasks", {"command": "c"})
    first = claim(alice, name, claim_id="once").json
    alice.post(f"/v1/workers/{workers(alice)[0]['id']}/drain")
    assert claim(alice, name, claim_id="once").json == first


def test_who_has_been_silent_is_not_listed_unless_it_works(alice: Caller, name: str, time: FrozenClock) -> None:
    alice.post("/v1/tasks", {"command": "c"})
    claim(alice, name, lease_s=3600)
    claim(alice, f"{name}-idle")
    assert len(workers(alice)) == 2
    time.advance(601)
    assert [one["name"] for one in workers(alice)] == [name]


def test_workers_are_listed_page_by_page(alice: Caller, name: str) -> None:
    for letter in "bac":
        claim(alice, f"{letter}-{name}")
    seen: list[str] = []
    path = "/v1/workers?limit=1"
    while path:
        answer = alice.get(path)
        seen += [one["name"][0] for one in answer.json["workers"]]
        path = answer.headers.get("Link", "").partition(">")[0].lstrip("<")
    assert seen == ["a", "b", "c"]
    assert alice.get("/v1/workers?cursor=x").status_code == 422


def test_a_queue_with_work_warns_where_nobody_asks(alice: Caller, name: str, time: FrozenClock) -> None:
    alice.post("/v1/tasks", {"command": "c", "queue": name.replace(":", "-")})
    path = f"/v1/queues/{name.replace(':', '-')}"
    assert "no worker has asked" in alice.get(path).json["warning"]
    claim(alice, name, name.replace(":", "-"))
    alice.post("/v1/tasks", {"command": "c", "queue": name.replace(":", "-")})
    asked = alice.get(path).json
    assert (asked["warning"], asked["last_asked_at"]) == (None, workers(alice)[0]["seen_at"])
    time.advance(61)
    assert "no worker has asked" in alice.get(path).json["warning"]
    assert "no worker has asked" in alice.get("/v1/queues").json["queues"][0]["warning"]


def test_a_worker_is_noted_every_ten_seconds_with_all_it_asked_for(time: FrozenClock) -> None:
    calls = RollCall()
    first = time.now()
    assert calls.due("h", "w", ["a"], first) == {"a": first}
    time.advance(9)
    second = time.now()
    assert calls.due("h", "w", ["a"], second) == {}
    assert calls.due("h", "w", ["b"], second) == {"a": second, "b": second}, "a queue that was not noted is at once"
    assert calls.due("h", "other", ["a"], second) == {"a": second}
    time.advance(10)
    assert calls.due("h", "w", ["a"], time.now()) == {"a": time.now(), "b": second}
    time.advance(60)
    assert calls.due("h", "w", ["b"], time.now()) == {"b": time.now()}


def test_what_each_process_hears_of_a_name_counts_for_a_minute(
    alice: Caller, database: Database, name: str, time: FrozenClock
) -> None:
    def sign(*queues: str) -> None:
        with transaction.own(database) as connection:
            roll.sign(connection, ALICE.id, name, dict.fromkeys(queues, time.now()), time.now())

    def asked() -> dict[str, Any]:
        with database.read.connect() as connection:
            return {queue: time.now() - at for queue, at in roll.asked(connection, time.now()).items()}

    sign("a")
    time.advance(50)
    sign("b")
    assert asked() == {"a": timedelta(seconds=50), "b": timedelta(0)}
    assert workers(alice)[0]["queues"] == ["a", "b"]
    time.advance(10)
    sign("b", "c")
    assert asked() == {"b": timedelta(0), "c": timedelta(0)}


def test_what_a_version_before_has_noted_is_understood(
    alice: Caller, database: Database, name: str, time: FrozenClock
) -> None:
    claim(alice, name)
    with transaction.own(database) as connection:
        connection.execute(worker.update().values(queues=["old"]))
    with database.read.connect() as connection:
        assert list(roll.asked(connection, time.now())) == ["old"]
    assert workers(alice)[0]["queues"] == ["old"]
    time.advance(10)
    claim(alice, name)
    assert workers(alice)[0]["queues"] == ["old", "c"]


def test_workers_are_forgotten_a_day_later(alice: Caller, database: Database, name: str, time: FrozenClock) -> None:
    claim(alice, name)
    for after_s, gone in ((86_400, 0), (1, 1)):
        time.advance(after_s)
        with transaction.own(database) as connection:
            assert roll.forget(connection, time.now()) == gone
    assert "forget-workers" in [duty.name for duty in all_duties(idempotency_s=1)]
