"""PUT /v1/commands/{name}: register or replace a command."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from support.caller import Caller
from support.commands import URL, WIDTH
from support.people import MIA


def test_a_new_command_has_the_defaults_and_a_place(mia: Caller, alice: Caller) -> None:
    put = mia.put("/v1/commands/resize", {"payload_schema": WIDTH})
    assert put.status_code == 201
    assert put.headers["Location"] == "/v1/commands/resize"
    assert put.headers["ETag"] == '"v1"'
    expected = {
        "name": "resize",
        "description": "",
        "queue": None,
        "priority": "normal",
        "timeout_s": None,
        "max_attempts": None,
        "max_crashes": None,
        "backoff": None,
        "on_lost": "retry",
        "payload_schema": WIDTH,
        "result_schema": None,
        "schema_version": 1,
    }
    assert {name: put.json[name] for name in expected} == expected
    assert alice.get("/v1/commands/resize").json == put.json


def test_replacing_keeps_nothing_of_what_was(mia: Caller, resize: dict[str, Any]) -> None:
    body = {
        "queue": "images",
        "priority": "high",
        "timeout_s": 60,
        "max_attempts": 3,
        "backoff": {"kind": "linear", "base_s": 2, "cap_s": 20},
        "on_lost": "hold",
    }
    put = mia.put("/v1/commands/resize", body)
    assert put.status_code == 200
    assert put.headers["ETag"] == '"v2"'
    assert {**put.json, **body} == put.json
    assert (put.json["description"], put.json["payload_schema"], put.json["schema_version"]) == ("", None, 2)
    assert put.json["created_at"] == resize["created_at"]
    assert put.json["updated_at"] > resize["updated_at"]


def test_the_same_again_changes_nothing(mia: Caller, resize: dict[str, Any]) -> None:
    again = mia.put("/v1/commands/resize", {"payload_schema": WIDTH, "result_schema": URL, "description": "Resizes."})
    assert (again.status_code, again.json, again.headers["ETag"]) == (200, resize, '"v1"')


@pytest.mark.parametrize("name", ["a b", "grün", "rm -rf", "a?b", "a%b", "{name}", "x" * 100, "...", "schemas"])
def test_a_name_may_be_almost_anything(mia: Caller, name: str) -> None:
    put = mia.put(f"/v1/commands/{_quoted(name)}", {})
    assert put.status_code == 201
    assert put.json["name"] == name
    assert mia.get(put.headers["Location"]).json == put.json


@pytest.mark.parametrize("name", ["%20", "x" * 101, "..%20"[:2], "a%00b", "a%0Ab", "%7F"])
def test_a_name_that_cannot_be_used_is_told(mia: Caller, name: str) -> None:
    put = mia.put(f"/v1/commands/{name}", {})
    assert put.status_code in {404, 422}  # the test client itself takes a `..` away
    if put.status_code == 422:
        assert [fault["parameter"] for fault in put.json["errors"]] == ["name"]
    assert mia.get("/v1/commands").json == {"commands": []}


def test_a_name_holds_no_slash(mia: Caller) -> None:
    assert mia.put("/v1/commands/a%2Fb", {}).status_code == 404


def test_every_wrong_field_is_told(mia: Caller) -> None:
    body = {
        "description": "x" * 2001,
        "queue": "no spaces",
        "priority": "urgent",
        "timeout_s": 0,
        "max_attempts": 1001,
        "backoff": {"kind": "random", "base_s": -1, "x": 1},
        "on_lost": "cry",
        "payload_schema": None,
        "surprise": 1,
    }
    put = mia.put("/v1/commands/resize", body)
    assert put.status_code == 422
    assert {fault["pointer"] for fault in put.json["errors"]} == {
        "/description",
        "/queue",
        "/priority",
        "/timeout_s",
        "/max_attempts",
        "/backoff/kind",
        "/backoff/base_s",
        "/backoff/x",
        "/on_lost",
        "/surprise",
    }


def test_faults_of_both_schemas_are_told_at_once(mia: Caller) -> None:
    put = mia.put("/v1/commands/resize", {"payload_schema": {"type": "strin"}, "result_schema": {"$ref": "#/nope"}})
    assert put.status_code == 422
    assert {fault["pointer"] for fault in put.json["errors"]} == {"/payload_schema/type", "/result_schema/$ref"}


def test_nobody_and_no_user_may(nobody: Caller, alice: Caller, ada: Caller) -> None:
    assert nobody.put("/v1/commands/resize", {}).status_code == 401
    assert alice.put("/v1/commands/resize", {}).status_code == 403
    assert ada.put("/v1/commands/resize", {}).status_code == 201


def test_a_stale_version_changes_nothing(mia: Caller, resize: dict[str, Any]) -> None:
    assert mia.put("/v1/commands/resize", {}, headers={"If-Match": '"v1"'}).status_code == 200
    stale = mia.put("/v1/commands/resize", {"description": "late"}, headers={"If-Match": '"v1"'})
    assert stale.status_code == 412
    assert mia.get("/v1/commands/resize").json["description"] == ""
    assert mia.put("/v1/commands/new", {}, headers={"If-Match": '"v1"'}).status_code == 412
    assert mia.put("/v1/commands/resize", {}, headers={"If-Match": "v1"}).status_code == 422


def test_create_only_does_not_replace(mia: Caller) -> None:
    create_only = {"If-None-Match": "*"}
    assert mia.put("/v1/commands/resize", {}, headers=create_only).status_code == 201
    assert mia.put("/v1/commands/resize", {}, headers=create_only).status_code == 412


def test_of_many_that_create_at_once_one_does(app: Flask) -> None:
    def put(number: int) -> int:
        body = {"description": str(number), "payload_schema": {"const": number}}
        return Caller(app, MIA).put("/v1/commands/resize", body, headers={"If-None-Match": "*"}).status_code

    with ThreadPoolExecutor(6) as threads:
        assert sorted(threads.map(put, range(6))) == [201, *[412] * 5]


def test_changes_at_once_all_count_and_none_is_lost(app: Flask, mia: Caller, resize: dict[str, Any]) -> None:
    def put(number: int) -> tuple[int, int]:
        done = Caller(app, MIA).put("/v1/commands/resize", {"payload_schema": {"const": number}})
        return done.status_code, done.json["schema_version"]

    with ThreadPoolExecutor(6) as threads:
        assert sorted(threads.map(put, range(6))) == [(200, version) for version in range(2, 8)]
    assert mia.get("/v1/commands/resize").headers["ETag"] == '"v7"'


def test_of_those_who_read_the_same_version_one_wins(app: Flask, resize: dict[str, Any]) -> None:
    def put(number: int) -> int:
        body = {"description": str(number)}
        return Caller(app, MIA).put("/v1/commands/resize", body, headers={"If-Match": '"v1"'}).status_code

    with ThreadPoolExecutor(6) as threads:
        assert sorted(threads.map(put, range(6))) == [200, *[412] * 5]


def _quoted(name: str) -> str:
    return "".join(f"%{byte:02X}" for byte in name.encode())
