"""API keys."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from support.caller import Caller
from support.only import on_sqlite
from support.people import ALICE, BOB
from taskyard.core.clock import FrozenClock
from taskyard.core.db import Database
from taskyard.core.types import instant_to_text
from taskyard.users.models import Key

CI = {"name": "ci"}
NOT_THERE = "/v1/keys/00000000-0000-7000-9000-000000000999"


def with_key(caller: Caller, **fields: Any) -> Caller:
    """Somebody with a new key of this caller's."""
    made = caller.post("/v1/keys", {**CI, **fields})
    assert made.status_code == 201, made.json
    return Caller(caller.app, token=made.json["key"])


def test_a_key_lets_its_owner_in(alice: Caller) -> None:
    made = alice.post("/v1/keys", CI)
    assert made.status_code == 201
    assert made.json["key"].startswith("ty_")
    assert made.json["scopes"] == ["read", "write", "work"]
    assert made.json["user_id"] == ALICE.id
    assert Caller(alice.app, token=made.json["key"]).get("/v1/profile").json["username"] == "alice"


def test_the_secret_is_shown_once_and_kept_nowhere(alice: Caller, database: Database) -> None:
    made = alice.post("/v1/keys", CI)
    secret = made.json["key"]
    assert secret.startswith(made.json["hint"])
    shown = alice.get(made.headers["Location"]).json
    assert shown == {name: value for name, value in made.json.items() if name != "key"}
    with database.read.connect() as connection:
        rows = connection.execute(select(Key)).all()
    assert secret not in str(rows)


def test_a_key_does_what_its_scopes_say(alice: Caller) -> None:
    reads = with_key(alice, scopes=["read"])
    assert reads.get("/v1/tasks").status_code == 200
    assert reads.post("/v1/tasks", {"command": "resize"}).status_code == 403
    works = with_key(alice, scopes=["work:images"])
    assert works.post("/v1/leases", {"queues": ["images"]}).status_code == 204
    assert works.post("/v1/leases", {"queues": ["other"]}).status_code == 403


def test_a_key_has_no_scope_that_its_maker_lacks(alice: Caller) -> None:
    some = with_key(alice, scopes=["write", "work:images"])
    assert some.post("/v1/keys", {**CI, "scopes": ["write"]}).status_code == 201
    assert some.post("/v1/keys", {**CI, "scopes": ["work:images"]}).status_code == 201
    for beyond in (["read"], ["work"], ["work:other", "write"]):
        assert some.post("/v1/keys", {**CI, "scopes": beyond}).status_code == 403
    assert some.post("/v1/keys", CI).status_code == 403
    assert alice.post("/v1/keys", {**CI, "scopes": ["work:other"]}).status_code == 201
    assert alice.post("/v1/keys", {**CI, "scopes": ["admin"]}).status_code == 403


def test_a_moderator_has_the_scope_admin(mia: Caller) -> None:
    assert mia.post("/v1/keys", {**CI, "scopes": ["admin"]}).status_code == 201


@on_sqlite
@pytest.mark.parametrize(
    ("sent", "pointers"),
    [
        ({}, {"/name"}),
        ({"name": " ", "scopes": []}, {"/name", "/scopes"}),
        ({"name": "x" * 101, "scopes": ["read", "read"]}, {"/name", "/scopes"}),
        ({**CI, "scopes": ["read", "fly", "work:", "work:a b"]}, {"/scopes/1", "/scopes/2", "/scopes/3"}),
        ({**CI, "expires_in_s": 0, "user_id": "bob"}, {"/expires_in_s", "/user_id"}),
        ({**CI, "expires_in_s": 5, "expires_at": "2999-01-01T00:00:00Z"}, {"/expires_in_s"}),
        ({**CI, "expires_at": "2020-01-01T00:00:00Z"}, {"/expires_at"}),
        ({**CI, "expires_at": "soon", "key": "ty_mine"}, {"/expires_at", "/key"}),
    ],
)
def test_every_wrong_field_is_named(alice: Caller, sent: dict[str, Any], pointers: set[str]) -> None:
    refused = alice.post("/v1/keys", sent)
    assert refused.status_code == 422
    assert {fault["pointer"] for fault in refused.json["errors"]} == pointers


def test_a_key_ends_when_it_expires(alice: Caller, time: FrozenClock) -> None:
    short = with_key(alice, expires_in_s=60)
    dated = with_key(alice, expires_at=instant_to_text(time.now() + timedelta(seconds=60)))
    time.advance(59.9)
    assert [caller.get("/v1/profile").status_code for caller in (short, dated)] == [200, 200]
    time.advance(0.2)
    assert [caller.get("/v1/profile").status_code for caller in (short, dated)] == [401, 401]


def test_a_key_does_not_outlive_the_one_it_is_made_with(alice: Caller, time: FrozenClock) -> None:
    short = with_key(alice, expires_in_s=60)
    end = instant_to_text(time.now() + timedelta(seconds=60))
    assert short.post("/v1/keys", CI).json["expires_at"] == end
    assert short.post("/v1/keys", {**CI, "expires_in_s": 30}).json["expires_at"] < end
    assert short.post("/v1/keys", {**CI, "expires_in_s": 61}).status_code == 403


def test_the_last_use_is_recorded_to_a_minute(alice: Caller, time: FrozenClock) -> None:
    made = alice.post("/v1/keys", CI)
    caller = Caller(alice.app, token=made.json["key"])
    assert made.json["last_used_at"] is None
    used = []
    for seconds in (10, 50, 20):  # at 10, 60 and 80 s
        time.advance(seconds)
        caller.get("/v1/profile")
        used.append(alice.get(made.headers["Location"]).json["last_used_at"])
    start = time.now() - timedelta(seconds=80)
    assert used == [instant_to_text(start + timedelta(seconds=at)) for at in (10, 10, 80)]


def test_a_revoked_key_is_out_at_once_and_kept(alice: Caller) -> None:
    made = alice.post("/v1/keys", CI)
    path = made.headers["Location"]
    caller = Caller(alice.app, token=made.json["key"])
    assert caller.get("/v1/profile").status_code == 200

    assert alice.delete(path).status_code == 204
    revoked = alice.get(path).json
    assert alice.delete(path).status_code == 204

    assert caller.get("/v1/profile").status_code == 401
    assert revoked["revoked_at"] is not None
    assert alice.get(path).json == revoked


def test_a_key_revoked_many_times_at_once_is_revoked(alice: Caller) -> None:
    path = alice.post("/v1/keys", CI).headers["Location"]

    def revoke(_: int) -> int:
        return Caller(alice.app, alice.person).delete(path).status_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(revoke, range(4))) == [204] * 4


def test_a_stranger_sees_no_key(alice: Caller, bob: Caller, mia: Caller, nobody: Caller) -> None:
    path = alice.post("/v1/keys", CI).headers["Location"]
    for caller, status in ((bob, 404), (mia, 404), (nobody, 401)):
        assert caller.get(path).status_code == status
        assert caller.delete(path).status_code == status
    assert alice.get(path).json["revoked_at"] is None
    assert alice.get(NOT_THERE).status_code == alice.delete(NOT_THERE).status_code == 404


def test_nobody_makes_and_lists_no_key(nobody: Caller) -> None:
    assert nobody.post("/v1/keys", CI).status_code == 401
    assert nobody.get("/v1/keys").status_code == 401


def test_everybody_lists_their_own_keys_in_pages(alice: Caller) -> None:
    for number in range(3):
        alice.post("/v1/keys", {"name": f"key {number}"})
    first = alice.get("/v1/keys?limit=3")
    link = first.headers["Link"].partition(">")[0].lstrip("<")
    last = alice.get(link)
    names = [key["name"] for answer in (first, last) for key in answer.json["keys"]]
    assert names == ["key 0", "key 1", "key 2", "test"] or names == ["test", "key 0", "key 1", "key 2"]
    assert all("key" not in key for key in first.json["keys"])


def test_an_admin_manages_the_keys_of_others(ada: Caller, bob: Caller) -> None:
    made = ada.post("/v1/keys", {**CI, "user_id": BOB.id})
    assert made.status_code == 201
    assert Caller(ada.app, token=made.json["key"]).get("/v1/profile").json["username"] == "bob"
    listed = ada.get(f"/v1/keys?user={BOB.id}").json["keys"]
    assert {key["name"] for key in listed} == {"ci", "test"}
    assert ada.delete(f"/v1/keys/{BOB.key_id}").status_code == 204
    assert bob.get("/v1/profile").status_code == 401


def test_only_admins_name_another_user(alice: Caller, mia: Caller) -> None:
    for caller in (alice, mia):
        assert caller.post("/v1/keys", {**CI, "user_id": BOB.id}).status_code == 403
        assert caller.get(f"/v1/keys?user={BOB.id}").status_code == 403
    assert alice.get(f"/v1/keys?user={ALICE.id}").status_code == 200
    assert alice.get("/v1/keys?user=bob").status_code == 422


def test_an_admin_without_the_scope_admin_manages_nobody(ada: Caller) -> None:
    plain = with_key(ada)
    assert plain.post("/v1/keys", {**CI, "user_id": BOB.id}).status_code == 403
    assert plain.get("/v1/users").status_code == 403


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({"user_id": BOB.id, "scopes": ["admin"]}, "/scopes"),
        ({"user_id": "00000000-0000-7000-8000-000000000999"}, "/user_id"),
    ],
)
def test_a_key_must_suit_its_user(ada: Caller, sent: dict[str, Any], pointer: str) -> None:
    refused = ada.post("/v1/keys", {**CI, **sent})
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json["errors"]] == [pointer]


def test_a_demoted_admin_keeps_nothing_of_it_in_old_keys(ada: Caller, mia: Caller) -> None:
    old = with_key(mia, scopes=["read", "admin"])
    assert ada.patch(f"/v1/users/{mia.person.id}", {"role": "user"}).status_code == 200
    assert old.get("/v1/keys").status_code == 200
    assert old.get("/v1/users").status_code == 403
    assert old.get("/v1/tasks?owner=all").status_code == 403
