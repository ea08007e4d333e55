"""What an operator does without the API: users and keys from the command line."""

import pytest

from support.caller import Caller
from support.logins import PASSWORD, log_in
from taskyard.core.db import Database
from taskyard.core.errors import Conflict, Invalid, NotFound
from taskyard.users import bootstrap

EVE = {"name": "Eve", "email": "Eve@example.com", "role": "moderator"}


def test_an_operator_makes_a_user(nobody: Caller, ada: Caller, database: Database) -> None:
    user_id, username = bootstrap.create_user(database, {**EVE, "password": PASSWORD})
    assert username == "Eve"
    assert ada.get(f"/v1/users/{user_id}").json["email"] == "Eve@example.com"
    assert log_in(nobody, "eve@example.com").json["scope"] == "read write work admin"


def test_an_operator_cannot_make_a_user_twice(database: Database) -> None:
    bootstrap.create_user(database, EVE)
    with pytest.raises(Conflict):
        bootstrap.create_user(database, {**EVE, "username": "other"})


def test_an_operator_makes_a_key(ada: Caller, database: Database) -> None:
    secret = bootstrap.create_key(database, "alice", name="laptop", scopes=["read"])
    caller = Caller(ada.app, token=secret)
    assert caller.get("/v1/profile").json["username"] == "alice"
    assert caller.patch("/v1/profile", {"age": 1}).status_code == 403


def test_a_key_needs_a_user_and_scopes_that_suit(database: Database) -> None:
    with pytest.raises(NotFound):
        bootstrap.create_key(database, "eve", name="laptop", scopes=["read"])
    for scopes in (["fly"], ["admin"]):
        with pytest.raises(Invalid):
            bootstrap.create_key(database, "alice", name="laptop", scopes=scopes)
