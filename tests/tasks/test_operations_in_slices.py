"""Operations go through the tasks slice by slice: in which order, and none twice."""

import pytest
from flask import Flask
from sqlalchemy import update

from support.caller import Caller
from support.operations import FAILED, dispatch, fail, progress, start, submit
from support.yard import at_once
from taskyard.core import transaction
from taskyard.core.db import open_database
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


def test_several_dispatchers_do_no_slice_twice(app: Flask, alice: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operation_slices, "SLICE", 3)
    fail(alice, 20)
    path = start(alice, "retry", FAILED)
    url = app.extensions["taskyard.config"].database_url
    opened = [open_database(url) for _ in range(3)]

    def dispatcher(index: int) -> int:
        done = 0
        while True:
            with transaction.own(opened[index]) as connection:
                worked = operation_slices.work(connection)
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
