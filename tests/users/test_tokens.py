"""Logging in with a password, and the tokens one gets."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import OctKey

from support.caller import Caller
from support.logins import PASSWORD, log_in, refresh
from support.people import ALICE
from taskyard.config import Config
from taskyard.core import clock
from taskyard.core.clock import FrozenClock
from taskyard.core.crypto import Signer

pytestmark = pytest.mark.usefixtures("alice_has_password")
FORM = {"grant_type": "password", "username": "alice", "password": PASSWORD}
TYPES = {"access_token": str, "token_type": str, "expires_in": int, "refresh_token": str, "scope": str}


@pytest.mark.parametrize("name", ["alice", "ALICE@Example.com", " alice "])
def test_a_password_gets_tokens(app: Flask, nobody: Caller, name: str) -> None:
    answer = log_in(nobody, name)
    assert answer.status_code == 200
    assert {name: type(value) for name, value in answer.json.items()} == TYPES  # RFC 6749, section 5.1
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 900)
    assert answer.json["scope"] == "read write work"
    assert answer.headers["Cache-Control"] == "no-store"
    profile = Caller(app, token=answer.json["access_token"]).get("/v1/profile")
    assert profile.json["id"] == ALICE.id


def test_fewer_scopes_can_be_asked_for(app: Flask, nobody: Caller) -> None:
    answer = log_in(nobody, scope="read work:images")
    assert answer.json["scope"] == "read work:images"
    caller = Caller(app, token=answer.json["access_token"])
    assert caller.get("/v1/tasks").status_code == 200
    assert caller.post("/v1/tasks", {"command": "resize"}).status_code == 403
    fewer = refresh(nobody, answer.json["refresh_token"], scope="read").json
    assert fewer["scope"] == "read"
    assert refresh(nobody, fewer["refresh_token"]).json["scope"] == "read work:images"


def test_more_scopes_than_one_has_are_refused(nobody: Caller) -> None:
    assert log_in(nobody, scope="read admin").status_code == 403
    tokens = log_in(nobody, scope="read").json
    assert refresh(nobody, tokens["refresh_token"], scope="read write").status_code == 403
    assert refresh(nobody, tokens["refresh_token"]).status_code == 200  # a refused use is none


@pytest.mark.parametrize(("name", "password"), [("alice", "wrong"), ("bob", PASSWORD), ("nobody", PASSWORD)])
def test_a_wrong_password_gets_nothing(nobody: Caller, name: str, password: str) -> None:
    refused = log_in(nobody, name, password)
    assert refused.status_code == 401
    assert refused.json["detail"] == "The username or the password is wrong."
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("form", "pointers"),
    [
        ({}, {"/grant_type"}),
        ({"grant_type": "password"}, {"/username", "/password"}),
        ({"grant_type": "password", "username": " ", "password": "x" * 201}, {"/username", "/password"}),
        ({"grant_type": "refresh_token"}, {"/refresh_token"}),
        ({**FORM, "grant_type": "implicit", "scope": "read fly"}, {"/grant_type", "/scope"}),
        ({**FORM, "username": "a\0b"}, {"/username"}),
    ],
)
def test_every_wrong_field_is_named(nobody: Caller, form: dict[str, str], pointers: set[str]) -> None:
    refused = nobody.post("/v1/auth/token", data=form, content_type="application/x-www-form-urlencoded")
    assert refused.status_code == 422
    assert {fault["pointer"] for fault in refused.json["errors"]} == pointers


def test_tokens_are_asked_for_by_form(nobody: Caller) -> None:
    assert nobody.post("/v1/auth/token", FORM).status_code == 415
    with_more = nobody.post("/v1/auth/token", data={**FORM, "client_id": "swagger", "client_secret": ""})
    assert with_more.status_code == 200


def test_a_refresh_token_is_followed_by_another(app: Flask, nobody: Caller) -> None:
    first = log_in(nobody).json
    second = refresh(nobody, first["refresh_token"])
    assert second.status_code == 200
    assert second.json["refresh_token"] != first["refresh_token"]
    assert Caller(app, token=second.json["access_token"]).get("/v1/profile").status_code == 200
    assert refresh(nobody, second.json["refresh_token"]).status_code == 200


def test_a_refresh_token_used_twice_ends_its_login(nobody: Caller) -> None:
    first, other = log_in(nobody).json, log_in(nobody).json
    second = refresh(nobody, first["refresh_token"]).json
    assert refresh(nobody, first["refresh_token"]).status_code == 401
    assert refresh(nobody, second["refresh_token"]).status_code == 401
    assert refresh(nobody, other["refresh_token"]).status_code == 200  # another login


def test_a_refresh_token_used_at_the_same_moment_is_used_once(app: Flask, nobody: Caller) -> None:
    token = log_in(nobody).json["refresh_token"]
    together = threading.Barrier(4)

    def use(_: int) -> int:
        together.wait()
        return refresh(Caller(app), token).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(use, range(4))) == [200, 401, 401, 401]


def test_a_refresh_token_expires(nobody: Caller, time: FrozenClock) -> None:
    token = log_in(nobody).json["refresh_token"]
    time.advance(30 * 86_400 - 1)
    following = refresh(nobody, token)
    assert following.status_code == 200
    time.advance(30 * 86_400)
    assert refresh(nobody, following.json["refresh_token"]).status_code == 401


def test_a_revoked_login_has_ended(nobody: Caller) -> None:
    first = log_in(nobody).json
    second = refresh(nobody, first["refresh_token"]).json
    assert nobody.post("/v1/auth/revoke", data={"token": first["refresh_token"]}).status_code == 200
    assert refresh(nobody, second["refresh_token"]).status_code == 401


def test_revoking_what_is_no_token_is_no_error(nobody: Caller) -> None:
    for token in ("tyr_unknown", "anything", log_in(nobody).json["access_token"]):
        answer = nobody.post("/v1/auth/revoke", data={"token": token, "token_type_hint": "refresh_token"})
        assert answer.status_code == 200
    refused = nobody.post("/v1/auth/revoke", data={"token_type_hint": "refresh_token"})
    assert refused.status_code == 422


def test_no_other_text_is_a_refresh_token(nobody: Caller) -> None:
    tokens = log_in(nobody).json
    for text in ("", "tyr_unknown", tokens["access_token"], ALICE.key):
        assert refresh(nobody, text).status_code == 401


def test_an_access_token_expires(app: Flask, nobody: Caller, time: FrozenClock) -> None:
    caller = Caller(app, token=log_in(nobody).json["access_token"])
    time.advance(899)
    assert caller.get("/v1/profile").status_code == 200
    time.advance(1)
    expired = caller.get("/v1/profile")
    assert expired.status_code == 401
    assert "expired" in expired.json["detail"]


def _signed(key: bytes, header: dict[str, str] | None = None, **changes: object) -> str:
    now = clock.now().timestamp()
    claims = {"sub": ALICE.id, "scopes": ["read"], "iat": now, "exp": now + 60, "jti": "1", **changes}
    return jwt.encode(header or {"alg": "HS256"}, claims, OctKey.import_key(key), ["HS256", "HS512"])


def test_a_forged_token_lets_nobody_in(app: Flask, config: Config) -> None:
    ours = Signer(config.secret, "access-tokens").key
    genuine = _signed(ours)
    head, body, signature = genuine.split(".")
    nothing = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"  # {"alg":"none","typ":"JWT"}
    forged = {
        "another key": _signed(b"x" * 32),
        "another purpose": _signed(Signer(config.secret, "cursors").key),
        "another algorithm": _signed(ours, {"alg": "HS512"}),
        "no signature": f"{nothing}.{body}.",
        "a short signature": f"{head}.{body}.{signature[:-4]}",
        "another body": f"{head}.{_signed(b'x' * 32, sub='1').split('.')[1]}.{signature}",
        "no token": "..",
        "deep nesting": f"{'W1tb' * 2000}.{body}.{signature}",
        "an unknown user": _signed(ours, sub="00000000-0000-7000-8000-000000000999"),
        "no user": _signed(ours, sub=None),
        "no scopes": _signed(ours, scopes=None),
        "no times": _signed(ours, iat="now", exp=1e300),
    }
    assert Caller(app, token=genuine).get("/v1/profile").status_code == 200
    answers = {what: Caller(app, token=token).get("/v1/profile").status_code for what, token in forged.items()}
    assert answers == dict.fromkeys(forged, 401)


def test_a_new_role_holds_at_once(app: Flask, ada: Caller, nobody: Caller) -> None:
    caller = Caller(app, token=log_in(nobody).json["access_token"])
    assert caller.get("/v1/tasks?owner=all").status_code == 403
    ada.patch(f"/v1/users/{ALICE.id}", {"role": "moderator"})
    assert caller.get("/v1/tasks?owner=all").status_code == 200
    assert log_in(nobody).json["scope"] == "read write work admin"


def test_the_tokens_of_a_removed_user_have_ended(app: Flask, ada: Caller, nobody: Caller) -> None:
    tokens = log_in(nobody).json
    assert ada.delete(f"/v1/users/{ALICE.id}").status_code == 204
    assert Caller(app, token=tokens["access_token"]).get("/v1/profile").status_code == 401
    assert refresh(nobody, tokens["refresh_token"]).status_code == 401
    assert log_in(nobody).status_code == 401


@pytest.mark.parametrize("password", ["another fine password", None])
def test_an_admin_ends_the_tokens_of_a_user(app: Flask, ada: Caller, time: FrozenClock, password: str | None) -> None:
    time.advance(1)
    tokens = log_in(Caller(app)).json
    time.advance(1)
    assert ada.patch(f"/v1/users/{ALICE.id}", {"password": password}).status_code == 200
    assert Caller(app, token=tokens["access_token"]).get("/v1/profile").status_code == 401
    assert refresh(Caller(app), tokens["refresh_token"]).status_code == 401
    assert log_in(Caller(app)).status_code == 401
