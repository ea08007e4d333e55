"""Pages of other origins call the API where a setting lets them."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from support.caller import Caller
from support.people import ALICE
from taskyard import config as settings
from taskyard.config import Config
from taskyard.listening import ConfigError

ORIGIN = "https://app.example.com"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


def granted(answer: TestResponse) -> list[str]:
    return [name for name, _ in answer.headers if name.startswith("Access-Control-")]


@pytest.fixture
def open_to(config: Config, make_app: Callable[[Config], Flask]) -> Callable[..., Caller]:
    """Alice at an app that lets these origins in."""
    return lambda *origins: Caller(make_app(replace(config, cors_origins=origins)), ALICE)


def test_a_preflight_of_an_origin_that_is_let_in_is_told_what_it_may_send(open_to: Callable[..., Caller]) -> None:
    answer = open_to(ORIGIN).request("OPTIONS", "/v1/tasks", headers={"Origin": ORIGIN, **PREFLIGHT})
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"authorization", "content-type", "idempotency-key", "if-match", "prefer"} <= set(allowed)
    assert "Origin" in answer.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_an_answer_shows_its_headers_to_the_page(open_to: Callable[..., Caller]) -> None:
    answer = open_to(ORIGIN).post("/v1/tasks", {"command": "resize"}, headers={"Origin": ORIGIN})
    assert answer.status_code == 201
    shown = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"Link", "Location", "ETag", "X-Request-ID", "Retry-After"} <= set(shown)


def test_errors_can_be_read_by_the_page_too(open_to: Callable[..., Caller]) -> None:
    caller = open_to(ORIGIN)
    for path in ("/v1/nothing", "/v1/tasks?limit=0"):
        assert caller.get(path, headers={"Origin": ORIGIN}).headers["Access-Control-Allow-Origin"] == ORIGIN


def test_another_origin_gets_no_permission(open_to: Callable[..., Caller]) -> None:
    caller = open_to(ORIGIN)
    for origin in ("https://evil.example.com", "https://app.example.com.evil.com", "http://app.example.com", "null"):
        answer = caller.request("OPTIONS", "/v1/tasks", headers={"Origin": origin, **PREFLIGHT})
        assert granted(answer) == []
        assert "Origin" in answer.headers["Vary"]


def test_a_star_lets_any_origin_in(open_to: Callable[..., Caller]) -> None:
    answer = open_to("*").get("/v1/tasks", headers={"Origin": "https://anything.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_without_the_setting_no_origin_is_let_in(alice: Caller) -> None:
    answer = alice.get("/v1/tasks", headers={"Origin": ORIGIN})
    assert granted(answer) == []


@pytest.mark.parametrize("given", ["app.example.com", "https://app.example.com/", "ftp://a", "https://a,b"])
def test_what_is_no_origin_is_refused_at_the_start(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKYARD_CORS_ORIGINS", given)
    with pytest.raises(ConfigError, match="CORS_ORIGINS"):
        settings.from_env()


def test_several_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKYARD_CORS_ORIGINS", "https://a.example, http://localhost:3000")
    monkeypatch.setenv("TASKYARD_SECRET_KEY", "x" * 32)
    assert settings.from_env().cors_origins == ("https://a.example", "http://localhost:3000")


def test_options_names_the_methods_of_a_path(nobody: Caller) -> None:
    answer = nobody.request("OPTIONS", "/v1/tasks")
    assert answer.status_code == 200
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert nobody.request("OPTIONS", "/v1/nothing").status_code == 404


def test_head_answers_as_get_does_without_a_body(alice: Caller) -> None:
    alice.post("/v1/tasks", {"command": "resize"})
    got, head = alice.get("/v1/tasks"), alice.request("HEAD", "/v1/tasks")
    assert head.status_code == 200
    assert head.data == b""
    assert head.headers["Content-Length"] == got.headers["Content-Length"]
    assert head.headers["Content-Type"] == got.headers["Content-Type"]


def test_head_needs_credentials_as_get_does(nobody: Caller) -> None:
    assert nobody.request("HEAD", "/v1/tasks").status_code == 401


def test_a_method_that_a_path_does_not_take_is_a_405_that_names_those_it_takes(alice: Caller) -> None:
    answer = alice.request("PUT", "/v1/tasks")
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert answer.json["type"] == "urn:taskyard:problem:method-not-allowed"
