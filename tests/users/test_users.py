"""Users: managed by admins."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select

from support.caller import Caller
from support.only import on_sqlite
from support.people import ALICE, BOB
from taskyard.core.db import Database
from taskyard.users.models import User

EVE = {"name": "Eve", "email": "Eve.Adams@Example.com"}


def test_an_admin_creates_a_user(ada: Caller) -> None:
    made = ada.post("/v1/users", {**EVE, "age": 30, "role": "moderator", "username": "eve"})
    assert made.status_code == 201
    assert made.headers["Location"] == f"/v1/users/{made.json['id']}"
    assert made.headers["ETag"] == '"v1"'
    told = {name: made.json[name] for name in ("name", "email", "age", "role", "username", "has_password")}
    assert told == {**EVE, "age": 30, "role": "moderator", "username": "eve", "has_password": False}
    assert ada.get(made.headers["Location"]).json == made.json


@on_sqlite
@pytest.mark.parametrize(
    ("email", "begins"),
    [
        ("eve.adams@example.com", "eve.adams"),
        ("eve+lists@example.com", "eve-lists"),
        ("e@example.com", "e-"),  # too short by itself
        ("_e.a@example.com", "e.a"),
        ("+@example.com", "user-"),
        (f"{'x' * 64}@example.com", "x" * 64),
        ("alice@elsewhere.example", "alice-"),  # taken
    ],
)
def test_a_username_comes_from_the_email(ada: Caller, email: str, begins: str) -> None:
    made = ada.post("/v1/users", {"name": "Eve", "email": email})
    assert made.status_code == 201
    name = made.json["username"]
    assert name.startswith(begins)
    assert (name == begins) is not begins.endswith("-")
    assert 3 <= len(name) <= 80


def test_users_of_the_same_local_part_at_once_get_names_of_their_own(ada: Caller) -> None:
    def create(number: int) -> Any:
        return Caller(ada.app, ada.person).post("/v1/users", {"name": "Eve", "email": f"eve@{number}.example"})

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(create, range(4)))
    assert [answer.status_code for answer in made] == [201] * 4
    assert len({answer.json["username"] for answer in made}) == 4


WRONG = [
    ({}, {"/name", "/email"}),
    ({**EVE, "name": " ", "age": 151}, {"/name", "/age"}),
    ({**EVE, "name": "x" * 201, "age": -1}, {"/name", "/age"}),
    ({**EVE, "age": "30", "role": "root"}, {"/age", "/role"}),
    ({**EVE, "age": 30.5}, {"/age"}),
    ({**EVE, "age": True}, {"/age"}),
    ({**EVE, "email": "eve", "username": "ab"}, {"/email", "/username"}),
    ({**EVE, "email": f"{'e' * 250}@example.com", "username": "x" * 81}, {"/email", "/username"}),
    ({**EVE, "username": "-eve"}, {"/username"}),
    ({**EVE, "username": "eve@home"}, {"/username"}),
    ({**EVE, "username": "eve\n"}, {"/username"}),
    ({**EVE, "password": "short"}, {"/password"}),
    ({**EVE, "password": "x" * 201}, {"/password"}),
    ({**EVE, "admin": True, "name": 7}, {"/admin", "/name"}),
    ({**EVE, "name": "a\0b"}, {"/name"}),
]


@on_sqlite
@pytest.mark.parametrize(("sent", "pointers"), WRONG)
def test_every_wrong_field_is_named(ada: Caller, sent: dict[str, Any], pointers: set[str]) -> None:
    refused = ada.post("/v1/users", sent)
    assert refused.status_code == 422
    assert {fault["pointer"] for fault in refused.json["errors"]} == pointers


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"username": "alice"}, "This username is taken."),
        ({"email": "ALICE@example.COM"}, "A user with this email exists already."),
        ({"email": "Alice@example.com", "username": "eve"}, "A user with this email exists already."),
    ],
)
def test_a_duplicate_is_a_conflict(ada: Caller, more: dict[str, str], sentence: str) -> None:
    refused = ada.post("/v1/users", {**EVE, **more})
    assert refused.status_code == 409
    assert refused.json["detail"] == sentence


def test_the_same_user_sent_at_once_is_made_once(ada: Caller, database: Database) -> None:
    def create(_: int) -> int:
        return Caller(ada.app, ada.person).post("/v1/users", EVE).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(create, range(4))) == [201, 409, 409, 409]
    with database.read.connect() as connection:
        assert connection.execute(select(func.count()).where(User.email == EVE["email"])).scalar() == 1


def test_an_idempotency_key_makes_one_user(ada: Caller) -> None:
    headers = {"Idempotency-Key": "eve-1"}
    first, second = (ada.post("/v1/users", EVE, headers=headers) for _ in range(2))
    assert first.status_code == second.status_code == 201
    assert first.json == second.json
    assert ada.post("/v1/users", {**EVE, "age": 1}, headers=headers).status_code == 422


@pytest.mark.parametrize("path", ["/v1/users", f"/v1/users/{ALICE.id}"])
def test_only_admins_see_users(nobody: Caller, alice: Caller, mia: Caller, path: str) -> None:
    assert nobody.get(path).status_code == 401
    assert alice.get(path).status_code == 403
    assert mia.get(path).status_code == 403


def test_only_admins_change_users(nobody: Caller, alice: Caller, mia: Caller) -> None:
    path = f"/v1/users/{ALICE.id}"
    for caller, status in ((nobody, 401), (alice, 403), (mia, 403)):
        assert caller.post("/v1/users", EVE).status_code == status
        assert caller.patch(path, {"role": "admin"}).status_code == status
        assert caller.delete(path).status_code == status


def test_a_user_that_is_not_there_is_a_404(ada: Caller) -> None:
    path = "/v1/users/00000000-0000-7000-8000-000000000999"
    assert ada.get(path).status_code == 404
    assert ada.patch(path, {"name": "Eve"}).status_code == 404
    assert ada.delete(path).status_code == 404


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200
    return [user["username"] for user in answer.json["users"]]


def test_users_are_found_by_filters(ada: Caller) -> None:
    assert names(ada.get("/v1/users")) == ["alice", "bob", "mia", "ada"]
    assert names(ada.get("/v1/users?role=user")) == ["alice", "bob"]
    assert names(ada.get("/v1/users?email=BOB@example.com")) == ["bob"]
    assert names(ada.get("/v1/users?username=mia")) == ["mia"]
    assert names(ada.get("/v1/users?q=a")) == ["alice", "ada"]
    assert names(ada.get("/v1/users?q=%25")) == []  # no wildcard
    assert names(ada.get("/v1/users?q=a&role=admin")) == ["ada"]


def test_users_are_listed_in_pages(ada: Caller) -> None:
    first = ada.get("/v1/users?limit=3")
    assert names(first) == ["alice", "bob", "mia"]
    link = first.headers["Link"].partition(">")[0].lstrip("<")
    last = ada.get(link)
    assert names(last) == ["ada"]
    assert "Link" not in last.headers


@on_sqlite
@pytest.mark.parametrize("query", ["role=root", "limit=0", "cursor=x", "colour=red"])
def test_a_wrong_query_is_refused(ada: Caller, query: str) -> None:
    refused = ada.get(f"/v1/users?{query}")
    assert refused.status_code == 422
    assert refused.json["errors"][0]["parameter"] == query.partition("=")[0]


def test_an_admin_changes_a_user(ada: Caller) -> None:
    path = f"/v1/users/{ALICE.id}"
    sent = {"name": "Alicia", "email": "Alicia@example.com", "age": None, "username": "alicia", "role": "moderator"}
    changed = ada.patch(path, sent)
    assert changed.status_code == 200
    assert changed.headers["ETag"] == '"v2"'
    assert {name: changed.json[name] for name in sent} == sent
    assert ada.get(path).json == changed.json


def test_every_wrong_change_is_named(ada: Caller) -> None:
    refused = ada.patch(f"/v1/users/{ALICE.id}", {"name": None, "age": 200, "id": "1"})
    assert refused.status_code == 422
    assert {fault["pointer"] for fault in refused.json["errors"]} == {"/name", "/age", "/id"}


def test_a_change_to_what_another_has_is_a_conflict(ada: Caller) -> None:
    path = f"/v1/users/{ALICE.id}"
    assert ada.patch(path, {"username": "bob"}).status_code == 409
    assert ada.patch(path, {"email": "Bob@example.com"}).status_code == 409
    assert ada.get(path).json["version"] == 1


def test_a_stale_if_match_changes_nothing(ada: Caller) -> None:
    path, old = f"/v1/users/{ALICE.id}", {"If-Match": '"v1"'}
    assert ada.patch(path, {"age": 1}, headers=old).status_code == 200
    assert ada.patch(path, {"age": 2}, headers=old).status_code == 412
    assert ada.delete(path, headers=old).status_code == 412
    assert ada.get(path).json["age"] == 1
    assert ada.get(path, headers={"If-None-Match": '"v2"'}).status_code == 304
    assert ada.delete(path, headers={"If-Match": '"v2"'}).status_code == 204


def test_of_two_changes_from_one_version_one_stands(ada: Caller) -> None:
    path = f"/v1/users/{ALICE.id}"

    def change(age: int) -> int:
        return Caller(ada.app, ada.person).patch(path, {"age": age}, headers={"If-Match": '"v1"'}).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(change, range(4))) == [200, 412, 412, 412]
    assert ada.get(path).json["version"] == 2


def test_a_removed_user_is_out_at_once(ada: Caller, bob: Caller) -> None:
    assert bob.get("/v1/profile").status_code == 200
    assert ada.delete(f"/v1/users/{BOB.id}").status_code == 204
    assert bob.get("/v1/profile").status_code == 401
    assert ada.get(f"/v1/users/{BOB.id}").status_code == 404
