"""Operations go through the tasks slice by slice: in which order, and none twice."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, update

from support.caller import Caller
from support.operations import FAILED, dispatch, fail, progress, start, submit
from support.yard import at_once
from taskyard.core import transaction
from taskyard.core.db import open_database
from taskyard.queue import control, unique
from taskyard.queue.tables import task
from taskyard.tasks import operation_slices
from taskyard.tasks.operation_models import Operation


@pytest.mark.parametrize("action", ["move", "retry"])
def test_what_goes_back_into_line_stands_as_it_stood(
    app: Flask, alice: Caller, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    monkeypatch.setattr(operation_slices, "SLICE", 2)
    ids = [submit(alice) for _ in range(5)] if action == "move" else fail(alice, 5)
    wanted = {"move": ({"queue": "c"}, {"queue": "elsewhere"}), "retry": (FAILED, {})}[action]
    path = start(alice, action, wanted[0], **wanted[1])
    dispatch(app)
    assert progress(alice, path) == ("done", 5, 5, 0)
    claimed = alice.post("/v1/leases", {"queues": ["elsewhere", "c"], "limit": 9}).json["leases"]
    assert [lease["task"]["id"] for lease in claimed] == ids


def test_what_an_operation_of_the_version_before_has_done_is_not_done_again(app: Flask, alice: Caller) -> None:
    ids = [submit(alice) for _ in range(3)]
    path = start(alice, "cancel", {"queue": "c"})
    with transaction.own(app.extensions["taskyard.database"]) as connection:
        connection.execute(update(Operation).values(below_id=ids[2], matched=1, changed=1))
    dispatch(app)
    assert progress(alice, path) == ("done", 3, 3, 0)
    assert [alice.get(f"/v1/tasks/{one}").json["status"] for one in ids] == ["cancelled", "cancelled", "queued"]


def test_what_a_cancellation_cancels_down_the_chain_is_not_refused(
    app: Flask, alice: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = submit(alice)
    alice.post(f"/v1/tasks/{ended}/cancel")
    first = submit(alice)
    for _ in range(3):
        submit(alice, after=[first])
    monkeypatch.setattr(operation_slices, "SLICE", 3)
    path = start(alice, "cancel", {"queue": "c"})
    dispatch(app)
    assert progress(alice, path) == ("done", 5, 4, 1)
    assert [fault["task_id"] for fault in alice.get(path).json["faults"]] == [ended]


@pytest.mark.parametrize("more", [{}, {"patch": {"n": 1}}, {"patch": {"text": "x" * 900}}])
def test_what_is_large_goes_in_smaller_slices(
    app: Flask, alice: Caller, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
) -> None:
    monkeypatch.setattr(operation_slices, "CHARS", 1000)
    fail(alice, 8, payload={"text": "x" * (40 if "text" in more.get("patch", {}) else 400)})
    path = start(alice, "retry", FAILED, **more)
    assert 3 <= dispatch(app) <= 8
    assert progress(alice, path) == ("done", 8, 8, 0)


def test_a_payload_that_was_changed_meanwhile_is_not_overwritten(app: Flask, alice: Caller) -> None:
    [task_id] = fail(alice, payload={"width": 1})
    path = start(alice, "retry", FAILED, patch={"height": 2})
    database = app.extensions["taskyard.database"]
    with database.read.connect() as connection:
        found = operation_slices.find(connection)
    assert found is not None
    with transaction.own(database) as connection:
        connection.execute(update(task).values(payload='{"width":3}'))
    with transaction.own(database) as connection:
        operation_slices.work(connection, found)
    assert progress(alice, path) == ("done", 1, 0, 1)
    assert alice.get(f"/v1/tasks/{task_id}").json["payload"] == {"width": 3}


@pytest.mark.parametrize("action", ["delete", "cancel", "move"])
def test_what_fits_the_filter_no_longer_is_left_alone(app: Flask, alice: Caller, action: str) -> None:
    [task_id] = fail(alice) if action == "delete" else [submit(alice)]
    status = "failed" if action == "delete" else "queued"
    more = {"queue": "elsewhere"} if action == "move" else {}
    path = start(alice, action, {"command": "c", "status": status}, **more)
    database = app.extensions["taskyard.database"]
    with database.read.connect() as connection:
        found = operation_slices.find(connection)
    assert found is not None
    if action == "delete":
        alice.post(f"/v1/tasks/{task_id}/retry")
    [lease] = alice.post("/v1/leases", {"queues": ["c"]}).json["leases"]
    if action == "delete":
        alice.post("/v1/leases/settle", {"leases": [{"token": lease["token"], "outcome": "succeeded"}]})
    with transaction.own(database) as connection:
        operation_slices.work(connection, found)
    assert progress(alice, path) == ("done", 1, 0, 1)
    told = alice.get(f"/v1/tasks/{task_id}").json
    assert told["status"] == ("succeeded" if action == "delete" else "running")
    assert action == "delete" or told["lease"]["cancel_requested_at"] is None


def test_a_patch_that_fits_no_payload_is_refused(alice: Caller) -> None:
    sent = {"action": "retry", "filter": FAILED, "patch": {"text": "x" * 256 * 1024}}
    answer = alice.post("/v1/operations", sent)
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/patch")


def test_a_task_that_is_deleted_as_it_is_retried_takes_its_key_with_it(
    app: Flask, alice: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = app.extensions["taskyard.database"]
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    ids = fail(alice, unique={"key": "k"}) + fail(alice, unique={"key": "l"})
    path = start(alice, "retry", FAILED)
    hold = unique._hold

    def deleted_meanwhile(connection: Connection, *of: Any) -> Any:
        with transaction.own(database) as other:
            control.remove(other, ids[0])
        return hold(connection, *of)

    monkeypatch.setattr(unique, "_hold", deleted_meanwhile)
    dispatch(app, slices=1)
    assert progress(alice, path) == ("done", 2, 1, 1)
    monkeypatch.undo()
    assert alice.post("/v1/tasks", {"command": "c", "unique": {"key": "k"}}).status_code == 201
    assert alice.post("/v1/tasks", {"command": "c", "unique": {"key": "l"}}).status_code == 409


def test_several_dispatchers_do_no_slice_twice(app: Flask, alice: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operation_slices, "SLICE", 3)
    fail(alice, 20)
    path = start(alice, "retry", FAILED)
    url = app.extensions["taskyard.config"].database_url
    opened = [open_database(url) for _ in range(3)]

    def dispatcher(index: int) -> int:
        done = 0
        while True:
            with opened[index].read.connect() as connection:
                found = operation_slices.find(connection)
            worked = 0
            if found is not None:
                with transaction.own(opened[index]) as connection:
                    worked = operation_slices.work(connection, found)
            done += worked
            if not worked and alice_sees_the_end():
                return done

    def alice_sees_the_end() -> bool:
        return bool(Caller(app, alice.person).get(path).json["state"] == "done")

    done = at_once(*(lambda index=index: dispatcher(index) for index in range(3)))
    for database in opened:
        database.dispose()
    assert [one for one in done if isinstance(one, Exception)] == []
    assert progress(alice, path) == ("done", 20, 20, 0)
    assert sum(done) == 20
    assert len(alice.post("/v1/leases", {"queues": ["c"], "limit": 99}).json["leases"]) == 20
