"""Idempotency-Key: one deed, however often it is asked for, on the request path and on the hot path."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from support.caller import Caller
from support.people import ADA, ALICE, BOB
from support.shared_app import emptied
from support.yard import at_once
from taskyard.app import create_app
from taskyard.core import transaction
from taskyard.core.clock import FrozenClock
from taskyard.core.db import Database
from taskyard.core.idempotency import idempotency
from taskyard.dispatcher.duties import all_duties
from taskyard.queue.tables import task
from taskyard.users.models import User

TASK = {"command": "c", "payload": {"n": 1}}
USER = {"name": "Dora", "email": "dora@example.com"}
Post = Callable[..., TestResponse]


@pytest.fixture
def app(opened_app: Flask) -> Iterator[Flask]:
    yield emptied(opened_app)
    with transaction.own(opened_app.extensions["taskyard.database"]) as connection:
        connection.execute(User.__table__.delete().where(User.email.like("dora%")))  # type: ignore[attr-defined]


@pytest.fixture(params=["tasks", "users"])
def post(request: pytest.FixtureRequest, app: Flask) -> Post:
    """POST to one that goes the hot path, and to one that goes the request path."""
    path, person = {"tasks": ("/v1/tasks", ALICE), "users": ("/v1/users", ADA)}[request.param]
    default = TASK if request.param == "tasks" else USER

    def post(key: str, sent: Any = default, on: Flask = app) -> TestResponse:
        return Caller(on, person).post(path, sent, headers={"Idempotency-Key": key})

    return post


def counts(database: Database) -> tuple[int, int, int]:
    """Tasks, users called Dora, answers kept."""
    doras = select(func.count()).select_from(User).where(User.name == "Dora")
    with database.read.connect() as connection:
        tasks = connection.execute(select(func.count()).select_from(task)).scalar_one()
        answers = connection.execute(select(func.count()).select_from(idempotency)).scalar_one()
        return tasks, connection.execute(doras).scalar_one(), answers


def made_one(database: Database) -> bool:
    tasks, doras, answers = counts(database)
    return (tasks + doras, answers) == (1, 1)


def test_a_repeat_gets_the_first_answer_byte_for_byte(post: Post, database: Database) -> None:
    first = post("k-1")
    assert first.status_code == 201
    assert "Idempotency-Replayed" not in first.headers
    for _ in range(2):
        again = post("k-1")
        assert again.headers["Idempotency-Replayed"] == "true"
        assert (again.status_code, again.data, again.content_type) == (201, first.data, first.content_type)
        assert again.headers.get("Location") == first.headers.get("Location")
        assert again.headers.get("ETag") == first.headers.get("ETag")
        assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert made_one(database)


def test_the_same_key_with_another_body_is_refused(post: Post, database: Database) -> None:
    post("k-1")
    other = {**USER, "email": "dora2@example.com"} if counts(database)[1] else {**TASK, "payload": 2}
    refused = post("k-1", other)
    assert refused.status_code == 422
    assert refused.json["errors"][0]["header"] == "Idempotency-Key"
    assert made_one(database)
    assert post("k-2", other).status_code == 201


def test_the_key_holds_for_one_path_and_one_caller(app: Flask, database: Database) -> None:
    key = {"Idempotency-Key": "k-1"}
    assert Caller(app, ADA).post("/v1/tasks", TASK, headers=key).status_code == 201
    assert Caller(app, ADA).post("/v1/users", USER, headers=key).status_code == 422
    assert Caller(app, ADA).post("/v1/tasks?a=b", TASK, headers=key).status_code == 422
    assert Caller(app, BOB).post("/v1/tasks", TASK, headers=key).status_code == 201
    assert counts(database)[0] == 2


def test_a_refusal_is_not_kept(post: Post, database: Database) -> None:
    assert post("k-1", {"nonsense": 1}).status_code == 422
    assert counts(database) == (0, 0, 0)
    assert post("k-1").status_code == 201
    assert made_one(database)


def test_a_conflict_is_not_kept(app: Flask, database: Database) -> None:
    ada, key = Caller(app, ADA), {"Idempotency-Key": "k-1"}
    dora = ada.post("/v1/users", USER)
    assert ada.post("/v1/users", USER, headers=key).status_code == 409
    assert counts(database)[2] == 0
    assert ada.delete(dora.headers["Location"]).status_code == 204
    assert ada.post("/v1/users", USER, headers=key).status_code == 201


@pytest.mark.parametrize("processes", [1, 2])
def test_twins_at_once_do_it_once(post: Post, app: Flask, database: Database, processes: int) -> None:
    """Threads of one process, and of two that share nothing but the database."""
    apps = [app]
    if processes == 2:
        apps.append(create_app(app.extensions["taskyard.config"]))
    try:
        answers = at_once(*[partial(post, "k-1", on=on) for on in apps for _ in range(8 // processes)])
    finally:
        for other in apps[1:]:
            other.extensions["taskyard.database"].dispose()
    assert [answer.status_code for answer in answers] == [201] * 8
    assert len({answer.data for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 7
    assert made_one(database)


def test_unlike_twins_at_once_do_one_of_them(post: Post, database: Database) -> None:
    bodies = [{**TASK, "payload": n} for n in range(6)]
    if "email" in (post("probe").json or {}):
        bodies = [{"name": "Dora", "email": f"dora{n}@example.com"} for n in range(6)]
    before = counts(database)
    answers = at_once(*[partial(post, "k-1", body) for body in bodies])
    assert sorted(answer.status_code for answer in answers) == [201] + [422] * 5
    after = counts(database)
    assert (sum(after[:2]) - sum(before[:2]), after[2] - before[2]) == (1, 1)


def test_twins_that_clash_by_themselves_get_the_first_answer(app: Flask, database: Database) -> None:
    """The second would be a 409 by the e-mail alone; as its key is the first one's, it is the first one's answer."""
    key = {"Idempotency-Key": "k-1"}
    answers = at_once(*[partial(Caller(app, ADA).post, "/v1/users", USER, headers=key) for _ in range(5)])
    assert {answer.status_code for answer in answers} == {201}
    assert counts(database)[1:] == (1, 1)


def test_an_answer_is_kept_for_24_hours(post: Post, database: Database, time: FrozenClock) -> None:
    first = post("k-1")
    forget = next(duty for duty in all_duties(idempotency_s=86_400) if duty.name == "forget-answers")
    time.advance(86_400)
    with transaction.own(database) as connection:
        forget.run(connection)
    assert post("k-1").data == first.data
    time.advance(0.000001)
    with transaction.own(database) as connection:
        forget.run(connection)
    assert counts(database)[2] == 0
    assert post("k-1").data != first.data
