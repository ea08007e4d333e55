"""New tasks are stored without looking at each, where nothing more is to be done of them."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, select

from support.caller import Caller
from support.people import ALICE
from support.yard import at_once
from taskyard.commands import catalogue
from taskyard.core import clock
from taskyard.core.clock import FrozenClock
from taskyard.core.db import Database
from taskyard.core.idempotency import Answer, Once, Repeated, idempotency
from taskyard.core.ids import new_id
from taskyard.core.shortcut import shortcut
from taskyard.queue import plain
from taskyard.queue.enqueue import NewTask
from taskyard.queue.tables import ready, task, task_tag
from taskyard.tasks import storing
from taskyard.tasks.storing import Item, Stored, Submission, store, store_plain
from taskyard.tasks.submission import answer as told

TABLES = (task, ready, task_tag, idempotency)
ONE = {"command": "c", "payload": {"a": "é\u0001"}, "tags": ["x", "y"], "limit_key": "k", "max_attempts": 3}


@pytest.fixture(autouse=True)
def rested(database: Database) -> None:
    shortcut(database, store)._rests_until = 0.0


@pytest.fixture
def alike(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many were stored without a look at each, time by time."""
    found: list[int] = []
    insert = storing._insert

    def noted(connection: Connection, submissions: Any, tasks: Any, now: Any) -> Any:
        stored = insert(connection, submissions, tasks, now)
        if stored is not None:
            found.append(len(tasks))
        return stored

    monkeypatch.setattr(storing, "_insert", noted)
    return found


def rows(database: Database) -> list[list[dict[str, Any]]]:
    """All that is stored, but for ids and what is made of them."""
    unlike = {"id", "task_id", "seq", "key", "body", "headers"}
    found = []
    with database.read.connect() as connection:
        for table in TABLES:
            kept = connection.execute(select(table)).mappings()
            found.append(sorted(({k: v for k, v in row.items() if k not in unlike} for row in kept), key=str))
    return found


@pytest.mark.parametrize("batch", [False, True])
def test_it_leaves_what_the_steps_leave(
    alice: Caller,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    time: FrozenClock,
    alike: list[int],
    batch: bool,
) -> None:
    path, body = ("/v1/tasks/batch", {"tasks": [ONE, {"command": "d"}]}) if batch else ("/v1/tasks", ONE)

    def submit(key: str) -> Any:
        answer = alice.post(path, body, headers={"Idempotency-Key": key})
        assert answer.status_code in (200, 201)
        again = alice.post(path, body, headers={"Idempotency-Key": key})
        assert (again.get_data(), again.headers["Idempotency-Replayed"]) == (answer.get_data(), "true")
        return answer.json

    submit("one")
    assert alike == [1 + batch]
    at_once = rows(database)
    monkeypatch.setattr(plain, "is_plain", lambda *_: False)
    submit("two")
    assert alike == [1 + batch]
    assert [both[::2] for both in rows(database)] == at_once == [both[1::2] for both in rows(database)]
    seqs = [lease["task"]["id"] for lease in alice.post("/v1/leases", {"queues": ["c"], "limit": 9}).json["leases"]]
    assert seqs == sorted(seqs), "in the order in which they came"


def later(alice: Caller) -> dict[str, Any]:
    return {"delay_s": 60}


def keyed(alice: Caller) -> dict[str, Any]:
    return {"unique": {"key": "k"}}


def following(alice: Caller) -> dict[str, Any]:
    return {"after": [alice.post("/v1/tasks", {"command": "d"}).json["id"]]}


def shared(alice: Caller) -> dict[str, Any]:
    return {"fairness_key": "me"}


@pytest.mark.parametrize(
    ("more", "status"), [(later, "scheduled"), (keyed, "queued"), (following, "scheduled"), (shared, "queued")]
)
def test_where_more_is_to_be_done_it_is_done(
    alice: Caller, alike: list[int], more: Callable[[Caller], dict[str, Any]], status: str
) -> None:
    asked = more(alice)
    alike.clear()
    answer = alice.post("/v1/tasks", ONE | asked)
    assert (answer.status_code, answer.json["status"]) == (201, status)
    assert alike == []
    assert alice.get(answer.headers["Location"]).json["status"] == status


def test_one_of_a_queue_that_is_closed_is_refused_and_nothing_is_stored(
    alice: Caller, mia: Caller, database: Database
) -> None:
    mia.post("/v1/queues/c/drain")
    before = rows(database)
    answer = alice.post("/v1/tasks/batch", {"tasks": [{"command": "d"}, ONE]}, headers={"Idempotency-Key": "one"})
    assert answer.status_code == 409
    assert rows(database) == before == [[], [], [], []]


def test_in_a_fair_queue_one_without_a_key_is_charged_as_well(alice: Caller, database: Database) -> None:
    alice.post("/v1/tasks", ONE | {"fairness_key": "me"})
    for _ in range(3):
        assert alice.post("/v1/tasks", {"command": "c"}).status_code == 201
    with database.read.connect() as connection:
        passes = connection.execute(select(ready.c["pass"]).where(ready.c.fairness_key.is_(None))).scalars().all()
    assert len(set(passes)) == 3


def test_what_was_checked_against_an_old_catalogue_is_checked_again(
    alice: Caller, mia: Caller, database: Database
) -> None:
    assert alice.post("/v1/tasks", ONE).status_code == 201  # this process remembers that anything goes
    schema = {"type": "object", "required": ["b"]}
    assert mia.put("/v1/commands/c", {"payload_schema": schema}).status_code == 201
    before = rows(database)
    assert alice.post("/v1/tasks", ONE).status_code == 422
    assert rows(database) == before


def test_of_those_with_one_key_at_once_one_is_stored(alice: Caller, app: Flask) -> None:
    for number in range(10):
        key = {"Idempotency-Key": f"key-{number}"}
        answers = at_once(*[partial(Caller(app, ALICE).post, "/v1/tasks", ONE, headers=key)] * 4)
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json["id"] for answer in answers}) == 1
    assert len(alice.get("/v1/tasks?limit=100").json["tasks"]) == 10


def submission(revision: int, command: str = "c", once: Once | None = None) -> Submission:
    now = clock.now()
    new = NewTask(new_id(), ALICE.id, command, "null", command, 1, now, now)
    return Submission([Item(new, None, b"{}")], revision, told, once)


def together(database: Database, *submissions: Submission) -> list[Stored] | None:
    """As requests do: on PostgreSQL without a transaction."""
    with database.write.begin() if database.is_sqlite else database.read.connect() as connection:
        return store_plain(connection, list(submissions))


def test_many_are_stored_together_and_each_is_answered(app: Flask, database: Database) -> None:
    with app.app_context():
        newest = catalogue.newest_revision()
        sent = [submission(newest, command, Once(ALICE.id, command, "f")) for command in ("c", "d", "e")]
        stored = together(database, *sent)
        assert stored is not None
        paths = [one.answer.headers["Location"] for one in stored if isinstance(one.answer, Answer)]
        assert paths == [f"/v1/tasks/{one.items[0].task.id}" for one in sent]
        assert [len(table) for table in rows(database)] == [3, 3, 0, 3]
        with pytest.raises(Repeated):
            together(database, submission(newest), submission(newest, "c", Once(ALICE.id, "d", "f")))
        assert together(database, submission(newest), submission(newest - 1)) is None
        assert together(database, submission(newest), replace(submission(newest), also=lambda _: None)) is None
        assert together(database, submission(newest - 1)) is None
        assert [len(table) for table in rows(database)] == [3, 3, 0, 3]
