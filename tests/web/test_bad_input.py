"""Whatever is sent, the answer is a clear 4xx that names the place, and nothing is half-written."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, insert, literal, select, union_all

from support.bad_inputs import CASES, HEADERS, KIB, QUERIES, Case
from support.caller import Caller
from support.people import ADA, ALICE, BOB
from taskyard.app import create_app
from taskyard.config import Config
from taskyard.core import clock, transaction
from taskyard.core.crypto import digest
from taskyard.core.db import Base, Database
from taskyard.core.ids import new_id
from taskyard.users.models import Key


@dataclass(frozen=True)
class Yard:
    """An app with a few tasks in it, and their names in the cases above."""

    app: Flask
    names: dict[str, str]

    def fill_in(self, given: Any) -> Any:
        if isinstance(given, dict):
            return {key: self.fill_in(value) for key, value in given.items()}
        if isinstance(given, list):
            return [self.fill_in(item) for item in given]
        for name, value in self.names.items():
            given = given.replace("{" + name + "}", value) if isinstance(given, str) else given
        return given

    def rows(self) -> dict[str, int]:
        """How many rows each table has."""
        database: Database = self.app.extensions["taskyard.database"]
        counts = [select(literal(t.name), func.count()).select_from(t) for t in Base.metadata.sorted_tables]
        with database.read.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(union_all(*counts))}


def _keys(database: Database) -> None:
    now = clock.now()
    row = {
        "user_id": ALICE.id,
        "name": "test",
        "hint": "ty_",
        "scopes": ["read"],
        "created_at": now,
        "last_used_at": now,
    }
    rows = [
        {**row, "digest": digest("ty_expired"), "expires_at": now - timedelta(seconds=1)},
        {**row, "digest": digest("ty_revoked"), "revoked_at": now},
        {**row, "digest": digest("ty_blind"), "scopes": ["write"]},
    ]
    with transaction.own(database) as connection:
        for one in rows:
            connection.execute(insert(Key), {"id": new_id(), **one})


def _task(who: Caller, command: str) -> str:
    created: str = who.post("/v1/tasks", {"command": command}).json["id"]
    return created


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def yard(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    databases = request.getfixturevalue("sqlite_files" if request.param == "sqlite" else "postgres")
    url = databases.new()
    folder: Path = tmp_path_factory.mktemp("yard")
    secret = b"a secret for tests that is long enough"
    app = create_app(Config(folder, url, secret, access_log=False, log_level="ERROR", key_cache_s=0))
    _keys(app.extensions["taskyard.database"])
    alice, bob = Caller(app, ALICE), Caller(app, BOB)
    Caller(app, ADA).put("/v1/commands/known", {})
    names = {"bobs": _task(bob, "wait"), "waiting": _task(alice, "wait"), "running": _task(alice, "run")}
    alice.post("/v1/tasks", {"command": "first"}, headers={"Idempotency-Key": "taken"})
    names["token"] = alice.post("/v1/leases", {"queues": ["run"]}).json["leases"][0]["token"]
    link = alice.get("/v1/tasks?limit=1").headers["Link"]
    names["cursor"] = link.partition("cursor=")[2].partition(">")[0].partition("&")[0]
    names["forged"] = names["cursor"][:16] + "IjAxOTkwMDAwLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwMCI="
    names["short"] = names["cursor"][:-8]
    yield Yard(app, names)
    app.extensions["taskyard.database"].dispose()
    databases.drop(url)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_bad_input_gets_a_clear_refusal_and_writes_nothing(yard: Yard, case: Case) -> None:
    yard.app.testing = False
    caller = Caller(yard.app, ALICE if case.token is None else None, token=case.token)
    before = yard.rows()

    answer = caller.request(case.method, yard.fill_in(case.path), **yard.fill_in(case.options))

    assert answer.status_code == case.status, answer.text
    assert answer.content_type == "application/problem+json"
    problem = answer.json
    assert problem["status"] == case.status
    assert problem["type"].startswith("urn:taskyard:problem:")
    assert problem["instance"] == f"urn:taskyard:request:{answer.headers['X-Request-ID']}"
    assert len(problem["detail"]) > 5
    assert len(answer.data) < 16 * KIB, "an answer does not send back what it was sent"
    if case.status == 422 and case.where is not None:
        places = [{**fault, "detail": None} for fault in problem["errors"]]
        kind = "header" if case in HEADERS else "parameter" if case in QUERIES else "pointer"
        assert {"detail": None, kind: case.where} in places
    if case.status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    if case.status == 405:
        assert "GET" in answer.headers["Allow"]
    assert yard.rows() == before


def test_every_fault_is_told_at_once(yard: Yard) -> None:
    sent = {"command": " ", "priority": "urgent", "max_attempts": "5", "tags": ["ok", ""], "colour": "red"}
    answer = Caller(yard.app, ALICE).post("/v1/tasks", sent)
    assert answer.status_code == 422
    told = {fault["pointer"] for fault in answer.json["errors"]}
    assert told == {"/command", "/priority", "/max_attempts", "/tags/1", "/colour"}


@pytest.mark.parametrize("deed", ["extend", "settle"])
def test_a_list_that_is_too_long_is_not_looked_at_item_by_item(yard: Yard, deed: str) -> None:
    answer = Caller(yard.app, ALICE).post(f"/v1/leases/{deed}", {"leases": [{}] * 1001})
    assert [fault["pointer"] for fault in answer.json["errors"]] == ["/leases"]


def test_two_slashes_are_no_redirect_to_the_host_that_was_sent(yard: Yard) -> None:
    answer = Caller(yard.app, ALICE).get("/v1//tasks", headers={"Host": "evil.example"})
    assert answer.status_code == 404


@pytest.mark.parametrize("given", ["", "a b", "x" * 101, "<script>", "é", "a/b"])
def test_a_request_id_of_nonsense_is_replaced(yard: Yard, given: str) -> None:
    answer = Caller(yard.app, ALICE).get("/healthz", headers={"X-Request-ID": given})
    assert answer.status_code == 200
    assert answer.headers["X-Request-ID"] != given
    assert Caller(yard.app).get("/healthz", headers={"X-Request-ID": "mine-1"}).headers["X-Request-ID"] == "mine-1"


def test_a_raw_query_string_does_no_harm_to_an_idempotent_request(yard: Yard) -> None:
    headers = {"Idempotency-Key": "raw-query"}
    environ = {"QUERY_STRING": "a=\xff"}
    answer = Caller(yard.app, ALICE).post("/v1/tasks", {"command": "x"}, headers=headers, environ_overrides=environ)
    assert answer.status_code == 201
