"""`Prefer: wait=N` and `return=minimal`: the answer comes with the result, or without what was made."""

import socket
import threading
import time as wall
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from support.caller import Caller
from support.people import ALICE
from support.signals import until
from support.yard import Yard
from taskyard.core import clock, transaction
from taskyard.core.at_hand import at_hand
from taskyard.core.db import Database, open_database
from taskyard.queue import sweeps
from taskyard.queue.tables import task
from taskyard.tasks.results import results

SUBMIT = {"command": "c"}


def _body(path: str) -> dict[str, Any]:
    return {} if "commands" in path else SUBMIT


class Asking(threading.Thread):
    """A caller who waits for a result."""

    def __init__(self, app: Flask, method: str, path: str, wait: int = 20, **options: Any) -> None:
        super().__init__()
        self._caller = Caller(app, ALICE)
        self._sent = (method, path)
        headers = {"Prefer": f"wait={wait}", **options.pop("headers", {})}
        self._options = {"headers": headers, **options, **({"json": _body(path)} if method == "POST" else {})}
        self.start()

    def run(self) -> None:
        started = wall.monotonic()
        self._answer = self._caller.request(*self._sent, **self._options)
        self.after_s = wall.monotonic() - started

    @property
    def answer(self) -> Any:
        self.join(30)
        return self._answer


def until_waiting(database: Database, count: int = 1) -> None:
    until(lambda: len(results(database)) == count)


@pytest.fixture(autouse=True)
def _nothing_is_left_behind(database: Database) -> Iterator[None]:
    yield
    until(lambda: len(results(database)) == 0)
    until(lambda: all(thread.name != "results" for thread in threading.enumerate()))


def run(who: Caller, outcome: str = "succeeded", **more: Any) -> None:
    [lease] = who.post("/v1/leases", {"queues": ["c"], "wait": 5}).json["leases"]
    who.post("/v1/leases/settle", {"leases": [{"token": lease["token"], "outcome": outcome, **more}]})


@pytest.mark.parametrize("path", ["/v1/tasks", "/v1/commands/c/tasks"])
def test_submitting_waits_for_the_result(app: Flask, alice: Caller, mia: Caller, database: Database, path: str) -> None:
    mia.put("/v1/commands/c", {})
    asking = Asking(app, "POST", path)
    until_waiting(database)
    run(alice, result={"n": 1})
    answer = asking.answer
    assert (answer.status_code, answer.json["status"], answer.json["result"]) == (201, "succeeded", {"n": 1})
    assert answer.headers["Preference-Applied"] == "wait=20"
    assert alice.get(answer.headers["Location"]).json == answer.json
    assert asking.after_s < 15


def test_a_task_that_has_not_ended_in_time_is_accepted(app: Flask, alice: Caller) -> None:
    asking = Asking(app, "POST", "/v1/tasks", 1)
    answer = asking.answer
    assert (answer.status_code, answer.json["status"]) == (202, "queued")
    assert answer.headers["Preference-Applied"] == "wait=1"
    assert alice.get(answer.headers["Location"]).json == answer.json
    assert asking.after_s >= 1


def test_reading_waits_for_the_result(app: Flask, alice: Caller, database: Database) -> None:
    path = alice.post("/v1/tasks", SUBMIT).headers["Location"]
    askings = [Asking(app, "GET", path) for _ in range(5)]
    until_waiting(database, 5)
    run(alice, "failed", retry=False)
    assert [(one.answer.status_code, one.answer.json["status"]) for one in askings] == [(200, "failed")] * 5


def test_reading_a_task_that_has_not_ended_in_time_shows_it_as_it_is(app: Flask, alice: Caller) -> None:
    path = alice.post("/v1/tasks", SUBMIT).headers["Location"]
    answer = Asking(app, "GET", path, 1).answer
    assert (answer.status_code, answer.json) == (200, alice.get(path).json)


def test_a_task_that_has_ended_is_read_at_once(app: Flask, alice: Caller) -> None:
    path = alice.post("/v1/tasks", SUBMIT).headers["Location"]
    alice.post(f"{path}/cancel")
    asking = Asking(app, "GET", path)
    assert asking.answer.json["status"] == "cancelled"
    assert asking.after_s < 15


def test_nobody_waits_for_what_is_not_there_or_anothers(app: Flask, bob: Caller) -> None:
    theirs = bob.post("/v1/tasks", SUBMIT).headers["Location"]
    for path in (theirs, "/v1/tasks/00000000-0000-7000-8000-000000000000"):
        asking = Asking(app, "GET", path)
        assert asking.answer.status_code == 404
        assert asking.after_s < 15


@pytest.mark.parametrize("deed", ["cancel", "replace", "expire", "delete"])
def test_a_wait_ends_however_the_task_ends(app: Flask, alice: Caller, database: Database, deed: str) -> None:
    sent = {**SUBMIT, "unique": {"key": "k", "on_conflict": "replace"}}
    path = alice.post("/v1/tasks", sent).headers["Location"]
    asking = Asking(app, "GET", path)
    until_waiting(database)
    if deed == "cancel":
        alice.post(f"{path}/cancel")
    elif deed == "replace":
        alice.post("/v1/tasks", sent)
    elif deed == "expire":
        expire(database, path.rpartition("/")[2])
    else:  # so fast that nobody who waits has read what it was
        alice.post(f"{path}/cancel")
        alice.delete(path)
    expected = {"expire": "expired"}.get(deed, "cancelled")
    answer = asking.answer
    if deed == "delete":
        assert answer.status_code in {200, 404}
    else:
        assert (answer.status_code, answer.json["status"]) == (200, expected)
    assert asking.after_s < 15


def expire(database: Database, task_id: str) -> None:
    """As the dispatcher does it, which wakes nobody here."""
    with transaction.own(database) as connection:
        connection.execute(task.update().where(task.c.id == task_id).values(expires_at=clock.now()))
        assert sweeps.expire(connection, clock.now()) == [task_id]


def test_a_result_of_another_process_is_found(app: Flask, database: Database) -> None:
    asking = Asking(app, "POST", "/v1/tasks")
    until_waiting(database)
    elsewhere = open_database(database.write.url.render_as_string(hide_password=False))
    try:
        yard = Yard(elsewhere)
        yard.settle(*yard.claim("c"), result="7")
        assert asking.answer.json["result"] == 7
    finally:
        elsewhere.dispose()


def test_a_wait_holds_no_connection(app: Flask, alice: Caller, database: Database) -> None:
    asking = [Asking(app, "POST", "/v1/tasks") for _ in range(12)]
    until_waiting(database, 12)
    at_hand(database).close()  # what storing them has left; nobody waits with one of these
    for engine in (database.read, database.write):
        until(lambda engine=engine: engine.pool.checkedout() == 0)  # but for the moments of the common look
    for one in alice.get("/v1/tasks").json["tasks"]:
        alice.post(f"/v1/tasks/{one['id']}/cancel")
    assert {one.answer.json["status"] for one in asking} == {"cancelled"}


def test_a_wait_ends_when_its_caller_has_gone(app: Flask, alice: Caller, database: Database) -> None:
    path = alice.post("/v1/tasks", SUBMIT).headers["Location"]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        asking = Asking(app, "GET", path, environ_overrides={"gunicorn.socket": ours})
        until_waiting(database)
        theirs.close()
        assert asking.answer.json["status"] == "queued"
    assert asking.after_s < 15


def test_a_repeat_under_an_idempotency_key_waits_too(app: Flask, alice: Caller, database: Database) -> None:
    headers = {"Idempotency-Key": "one-call"}
    first = Asking(app, "POST", "/v1/tasks", 1, headers=headers).answer
    assert first.status_code == 202
    again = Asking(app, "POST", "/v1/tasks", headers=headers)
    until_waiting(database)
    run(alice)
    assert (again.answer.status_code, again.answer.json["id"]) == (201, first.json["id"])
    assert again.answer.json["status"] == "succeeded"


def test_minimal_shows_only_where_the_task_is(alice: Caller) -> None:
    answer = alice.post("/v1/tasks", SUBMIT, headers={"Prefer": "return=minimal"})
    assert (answer.status_code, answer.data) == (201, b"")
    assert answer.headers["Preference-Applied"] == "return=minimal"
    assert alice.get(answer.headers["Location"]).json["status"] == "queued"


def test_minimal_shows_of_each_task_of_a_batch_its_id_alone(alice: Caller) -> None:
    sent = {"tasks": [SUBMIT, {"command": " "}, SUBMIT], "atomic": False}
    headers = {"Prefer": "return=minimal", "Idempotency-Key": "k"}
    answer = alice.post("/v1/tasks/batch", sent, headers=headers)
    first, refused, last = answer.json["tasks"]
    assert [sorted(one) for one in (first, last)] == [["id", "problem", "status"]] * 2
    assert (refused["status"], sorted(refused)) == (422, ["problem", "status"])
    assert alice.get(f"/v1/tasks/{last['id']}").json["status"] == "queued"
    assert answer.headers["Preference-Applied"] == "return=minimal"
    again = alice.post("/v1/tasks/batch", sent, headers={"Idempotency-Key": "k"})
    assert (again.data, again.headers["Preference-Applied"]) == (answer.data, "return=minimal")


def test_a_batch_is_shown_whole_unless_minimal_is_preferred(alice: Caller) -> None:
    answer = alice.post("/v1/tasks/batch", {"tasks": [SUBMIT]}, headers={"Prefer": "wait=1"})
    [one] = answer.json["tasks"]
    assert one["id"] == one["task"]["id"]
    assert "Preference-Applied" not in answer.headers


def test_an_error_is_told_at_once_and_whole(alice: Caller) -> None:
    refused = alice.post("/v1/tasks", {"command": " "}, headers={"Prefer": "wait=20, return=minimal"})
    assert refused.status_code == 422
    assert refused.json["errors"]
    assert "Preference-Applied" not in refused.headers


def test_without_a_preference_nothing_is_applied(alice: Caller) -> None:
    for prefer in ({}, {"Prefer": "respond-async"}):
        answer = alice.post("/v1/tasks", SUBMIT, headers=prefer)
        assert (answer.status_code, answer.json["status"]) == (201, "queued")
        assert "Preference-Applied" not in answer.headers
