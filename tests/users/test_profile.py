"""One's own user."""

from typing import Any

import pytest

from support.caller import Caller
from support.logins import PASSWORD, log_in, refresh
from support.only import on_sqlite
from support.people import ALICE
from taskyard.core.clock import FrozenClock

NEW = "another fine password"


def test_everybody_sees_their_own_profile(alice: Caller, bob: Caller) -> None:
    assert alice.get("/v1/profile").json["username"] == "alice"
    assert bob.get("/v1/profile").json["username"] == "bob"


def test_nobody_has_no_profile(nobody: Caller) -> None:
    assert nobody.get("/v1/profile").status_code == 401
    assert nobody.patch("/v1/profile", {"age": 1}).status_code == 401


def test_everybody_changes_their_own_profile(alice: Caller, ada: Caller) -> None:
    sent = {"name": "Alice L.", "age": 20, "email": "a.l@example.com"}
    changed = alice.patch("/v1/profile", sent)
    assert changed.status_code == 200
    assert {name: changed.json[name] for name in sent} == sent
    assert ada.get(f"/v1/users/{ALICE.id}").json == changed.json


@on_sqlite
@pytest.mark.parametrize(
    ("sent", "pointers"),
    [
        ({"role": "admin"}, {"/role"}),
        ({"username": "root"}, {"/username"}),
        ({"age": "1", "name": ""}, {"/age", "/name"}),
        ({"password": "short", "email": "no"}, {"/password", "/email"}),
        ({"password": NEW}, {"/current_password"}),
        ({"current_password": PASSWORD}, {"/current_password"}),
    ],
)
def test_every_wrong_field_is_named(alice: Caller, sent: dict[str, Any], pointers: set[str]) -> None:
    refused = alice.patch("/v1/profile", sent)
    assert refused.status_code == 422
    assert {fault["pointer"] for fault in refused.json["errors"]} == pointers


def test_the_email_of_another_is_a_conflict(alice: Caller) -> None:
    assert alice.patch("/v1/profile", {"email": "BOB@example.com"}).status_code == 409


def test_a_stale_if_match_changes_nothing(alice: Caller) -> None:
    assert alice.patch("/v1/profile", {"age": 1}, headers={"If-Match": '"v9"'}).status_code == 412
    assert alice.get("/v1/profile").json["age"] is None


def test_somebody_without_a_password_cannot_change_it(alice: Caller) -> None:
    refused = alice.patch("/v1/profile", {"password": NEW, "current_password": PASSWORD})
    assert refused.status_code == 409


@pytest.mark.usefixtures("alice_has_password")
def test_a_wrong_current_password_changes_nothing(alice: Caller, nobody: Caller) -> None:
    refused = alice.patch("/v1/profile", {"password": NEW, "current_password": "wrong", "age": 99})
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json["errors"]] == ["/current_password"]
    assert log_in(nobody).status_code == 200
    assert alice.get("/v1/profile").json["age"] is None


@pytest.mark.usefixtures("alice_has_password")
def test_guessing_the_current_password_locks(alice: Caller) -> None:
    guess = {"password": NEW, "current_password": "wrong"}
    assert [alice.patch("/v1/profile", guess).status_code for _ in range(6)] == [422] * 5 + [429]


@pytest.mark.usefixtures("alice_has_password")
def test_a_new_password_ends_the_tokens_but_not_the_keys(app: Any, alice: Caller, time: FrozenClock) -> None:
    nobody = Caller(app)
    time.advance(1)
    tokens = log_in(nobody).json
    with_token = Caller(app, token=tokens["access_token"])
    assert with_token.get("/v1/profile").status_code == 200

    time.advance(1)
    changed = with_token.patch("/v1/profile", {"password": NEW, "current_password": PASSWORD})
    assert changed.status_code == 200

    assert with_token.get("/v1/profile").status_code == 401
    assert refresh(nobody, tokens["refresh_token"]).status_code == 401
    assert log_in(nobody).status_code == 401
    assert log_in(nobody, password=NEW).status_code == 200
    assert alice.get("/v1/profile").status_code == 200
