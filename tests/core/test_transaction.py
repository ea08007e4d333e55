"""The forms of a transaction: what stands after a request, a deed of its own and a batch."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from flask import Flask, Response
from sqlalchemy import Connection, select, text

from support.caller import Caller
from support.people import ALICE
from support.yard import at_once
from taskyard.core import clock, transaction
from taskyard.core.db import Database, db
from taskyard.core.errors import Conflict
from taskyard.core.ids import new_id
from taskyard.core.notices import notices
from taskyard.users.models import Key, LoginGuard
from taskyard.web.auth import public

NOBODY = "00000000-0000-7000-8000-00000000dead"


def key(user_id: str = ALICE.id) -> Key:
    made = new_id()
    return Key(id=made, user_id=user_id, name="made here", hint="", digest=made, scopes=[])


def route(app: Flask, deed: Callable[[], Any]) -> list[int]:
    """POST /deed does this; the list grows with each answer that is finished."""
    finished: list[int] = []

    @app.post("/deed")
    @public
    def view() -> Any:
        return deed() or Response(status=204)

    @app.after_request
    def count(response: Response) -> Response:
        finished.append(response.status_code)
        return response

    return finished


def keys_made(database: Database) -> int:
    with database.read.connect() as connection:
        return len(connection.execute(select(Key.id).where(Key.name == "made here")).all())


def test_a_request_is_committed_once_when_it_succeeds(app: Flask, nobody: Caller, database: Database) -> None:
    def deed() -> None:
        db.session.add(key())
        db.session.flush()
        db.session.add(key())

    route(app, deed)
    assert nobody.post("/deed").status_code == 204
    assert keys_made(database) == 2


@pytest.mark.parametrize("way", ["raises", "answers", "breaks"])
def test_a_request_that_fails_leaves_nothing(app: Flask, nobody: Caller, database: Database, way: str) -> None:
    def deed() -> Response:
        db.session.add(key())
        db.session.flush()
        if way == "raises":
            raise Conflict("No.")
        if way == "breaks":
            raise ZeroDivisionError
        return Response(status=400)

    route(app, deed)
    assert nobody.post("/deed").status_code == {"raises": 409, "answers": 400, "breaks": 500}[way]
    assert keys_made(database) == 0


def test_what_was_for_afterwards_happens_after_the_commit_alone(app: Flask, nobody: Caller, database: Database) -> None:
    seen: list[int] = []
    fails = [False]

    def deed() -> None:
        db.session.add(key())
        transaction.afterwards(lambda: seen.append(keys_made(database)))
        if fails[0]:
            raise Conflict("No.")

    route(app, deed)
    nobody.post("/deed")
    assert seen == [1]
    fails[0] = True
    nobody.post("/deed")
    assert seen == [1]


def test_what_is_to_be_told_is_told_after_the_commit_alone(app: Flask, nobody: Caller, database: Database) -> None:
    told: list[int] = []
    notices(database).on("keys", lambda _: told.append(keys_made(database)))
    fails = [False]

    def add(connection: Connection) -> None:
        transaction.tell(connection, "keys")
        if fails[0]:
            raise Conflict("No.")

    def deed() -> None:
        db.session.add(key())
        db.session.flush()
        add(db.session.connection())

    def own() -> None:
        with transaction.own(database) as connection:
            add(connection)

    def batch() -> None:
        transaction.batch(database, lambda connection, items: [add(connection) for _ in items], None)

    route(app, deed)
    for count, way in enumerate((lambda: nobody.post("/deed"), own, batch), start=1):
        fails[0] = False
        way()
        assert told == [1] * count
        fails[0] = True
        with suppress(Conflict):
            way()
        assert told == [1] * count


def test_a_commit_that_fails_is_answered_once(app: Flask, nobody: Caller, database: Database) -> None:
    """The constraint speaks at the commit, when the view has long said that all is well."""

    def deed() -> None:
        db.session.info["writing"] = True
        if database.is_sqlite:
            db.session.execute(text("PRAGMA defer_foreign_keys = ON"))
        db.session.add(key(NOBODY))
        db.session.flush()

    if not database.is_sqlite:
        with transaction.own(database) as connection:
            connection.execute(
                text("ALTER TABLE key ALTER CONSTRAINT fk_key_user_id_user DEFERRABLE INITIALLY DEFERRED")
            )
    finished = route(app, deed)
    answer = nobody.post("/deed")
    assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
    assert answer.json["instance"].endswith(answer.headers["X-Request-ID"])
    assert len(finished) == 1
    assert keys_made(database) == 0
    assert nobody.get("/healthz").status_code == 200


def test_a_commit_that_does_not_reach_the_database_is_503(app: Flask, nobody: Caller, database: Database) -> None:
    if database.is_sqlite:
        return  # a file does not hang up

    def deed() -> None:
        db.session.add(key())
        db.session.flush()
        pid = db.session.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with database.read.connect() as connection:
            connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})

    finished = route(app, deed)
    answer = nobody.post("/deed")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert len(finished) == 1
    assert keys_made(database) == 0


def test_a_transaction_of_its_own_stands_or_falls_with_its_block(database: Database) -> None:
    with transaction.own(database) as connection:
        note(connection, "stands")
    with pytest.raises(ZeroDivisionError):
        falls(database)
    assert noted(database) == {"stands"}


def falls(database: Database) -> None:
    with transaction.own(database) as connection:
        note(connection, "falls")
        raise ZeroDivisionError


def note(connection: Connection, name: str) -> None:
    connection.execute(LoginGuard.__table__.insert(), {"name": name, "failures": 0, "failed_at": clock.now()})  # type: ignore[attr-defined]


def noted(database: Database) -> set[str]:
    with database.read.connect() as connection:
        return set(connection.execute(select(LoginGuard.name)).scalars())


def test_a_bad_item_does_not_take_its_neighbours_down(database: Database) -> None:
    sizes: list[int] = []

    def handler(connection: Connection, names: list[str]) -> list[str]:
        sizes.append(len(names))
        for name in names:
            note(connection, name)
            if name == "bad":
                raise ZeroDivisionError
        return [name.upper() for name in names]

    names = ["bad", *[f"n{number}" for number in range(11)]]
    results = at_once(*[lambda name=name: transaction.batch(database, handler, name) for name in names])
    assert isinstance(results[0], ZeroDivisionError)
    assert results[1:] == [name.upper() for name in names[1:]]
    assert noted(database) == set(names[1:])


def test_what_comes_during_a_commit_is_gathered_into_the_next(database: Database) -> None:
    sizes: list[int] = []
    begun, others_wait = threading.Event(), threading.Event()

    def handler(connection: Connection, names: list[str]) -> list[None]:
        sizes.append(len(names))
        for name in names:
            note(connection, name)
        if names == ["first"]:
            begun.set()
            assert others_wait.wait(10)
        return [None] * len(names)

    def late(name: str) -> None:
        assert begun.wait(10)
        transaction.batch(database, handler, name)

    def watch() -> None:
        assert begun.wait(10)
        line = database.kept(transaction._run if database.is_sqlite else handler, lambda: None)
        while len(line._line) < 8:  # type: ignore[attr-defined]
            pass
        others_wait.set()

    names = [f"n{number}" for number in range(8)]
    deeds = [lambda: transaction.batch(database, handler, "first"), watch]
    assert at_once(*deeds, *[lambda name=name: late(name) for name in names]) == [None] * 10
    assert sizes == [1, 8]
    assert noted(database) == {"first", *names}
