"""The push of a command: what is accepted, who sees what of it, and its secret."""

from typing import Any

import pytest
from flask import Flask

from support.caller import Caller
from taskyard.commands import push

URL = "https://93.184.216.34/tasks"


@pytest.fixture
def pushed(mia: Caller) -> dict[str, Any]:
    put = mia.put("/v1/commands/resize", {"push": {"url": URL, "headers": {"Authorization": "Bearer s3cret"}}})
    assert put.status_code == 201, put.json
    found: dict[str, Any] = put.json
    return found


def test_it_has_defaults_and_hides_the_values_of_headers(pushed: dict[str, Any], alice: Caller) -> None:
    assert pushed["push"] == {
        "url": URL,
        "headers": {"Authorization": "(hidden)"},
        "timeout_s": 30,
        "success": None,
        "concurrency": 10,
    }
    assert alice.get("/v1/commands/resize").json["push"] == pushed["push"]
    assert "s3cret" not in alice.get("/v1/commands").text


def test_what_was_read_cannot_be_put_back_with_hidden_values(pushed: dict[str, Any], mia: Caller) -> None:
    refused = mia.put("/v1/commands/resize", {"push": pushed["push"]})
    assert refused.status_code == 422
    assert refused.json["errors"][0]["pointer"].startswith("/push/headers")


def test_leaving_it_out_ends_it(pushed: dict[str, Any], mia: Caller) -> None:
    assert mia.put("/v1/commands/resize", {}).json["push"] is None


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({}, "/push/url"),
        ("x", "/push"),
        ({"url": ""}, "/push/url"),
        ({"url": "http://93.184.216.34/"}, "/push/url"),
        ({"url": "https://user:password@example.com/"}, "/push/url"),
        ({"url": "https://127.0.0.1/"}, "/push/url"),
        ({"url": "https://169.254.169.254/latest"}, "/push/url"),
        ({"url": "https://localhost:8443/"}, "/push/url"),
        ({"url": "https://example.com:5432/"}, "/push/url"),
        ({"url": "https://127.1/"}, "/push/url"),
        ({"url": "https://example.com/\0"}, "/push/url"),
        ({"url": "https://" + "a" * 2100}, "/push/url"),
        ({"url": URL, "timeout_s": 0}, "/push/timeout_s"),
        ({"url": URL, "timeout_s": 601}, "/push/timeout_s"),
        ({"url": URL, "concurrency": 0}, "/push/concurrency"),
        ({"url": URL, "success": []}, "/push/success"),
        ({"url": URL, "success": [503]}, "/push/success/0"),
        ({"url": URL, "headers": {"a b": "x"}}, "/push/headers/a b"),
        ({"url": URL, "headers": {"X": "a\r\nY: b"}}, "/push/headers/X"),
        ({"url": URL, "headers": {"X": "ä"}}, "/push/headers/X"),
        ({"url": URL, "headers": {"X": ""}}, "/push/headers/X"),
        ({"url": URL, "headers": {"X": 1}}, "/push/headers/X"),
        ({"url": URL, "headers": {"Host": "x"}}, "/push/headers/Host"),
        ({"url": URL, "headers": {"content-LENGTH": "1"}}, "/push/headers/content-LENGTH"),
        ({"url": URL, "headers": {"Webhook-Id": "1"}}, "/push/headers/Webhook-Id"),
        ({"url": URL, "headers": {"x": "1", "X": "2"}}, "/push/headers"),
        ({"url": URL, "headers": {f"X-{number}": "1" for number in range(21)}}, "/push/headers"),
        ({"url": URL, "redirects": True}, "/push/redirects"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_place(mia: Caller, given: Any, pointer: str) -> None:
    refused = mia.put("/v1/commands/resize", {"push": given})
    assert refused.status_code == 422
    assert any(error["pointer"].startswith(pointer) for error in refused.json["errors"]), refused.json["errors"]
    assert mia.get("/v1/commands/resize").status_code == 404


def test_faults_of_the_push_and_of_the_schemas_are_told_together(mia: Caller) -> None:
    refused = mia.put("/v1/commands/resize", {"push": {"url": "https://10.1.2.3/"}, "payload_schema": {"type": "x"}})
    assert {error["pointer"].split("/")[1] for error in refused.json["errors"]} == {"push", "payload_schema"}


def test_a_refused_address_is_told_by_its_class_alone(mia: Caller) -> None:
    refused = mia.put("/v1/commands/resize", {"push": {"url": "https://10.1.2.3/"}})
    [error] = refused.json["errors"]
    assert "blocked_address" in error["detail"]
    assert "10." not in error["detail"]


def test_a_secret_is_made_anew(pushed: dict[str, Any], mia: Caller) -> None:
    first = mia.post("/v1/commands/resize/push/secret", {})
    second = mia.post("/v1/commands/resize/push/secret", {"overlap_s": 0})
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json["secret"].startswith("whsec_")
    assert first.json["secret"] != second.json["secret"]
    assert "whsec_" not in mia.get("/v1/commands/resize").text


def test_only_moderators_see_a_secret(pushed: dict[str, Any], alice: Caller, nobody: Caller, mia: Caller) -> None:
    assert nobody.post("/v1/commands/resize/push/secret", {}).status_code == 401
    assert alice.post("/v1/commands/resize/push/secret", {}).status_code == 403
    assert mia.post("/v1/commands/other/push/secret", {}).status_code == 404
    assert mia.post("/v1/commands/resize/push/secret", {"overlap_s": -1}).status_code == 422


def test_a_command_that_is_not_pushed_has_no_secret(mia: Caller, resize: dict[str, Any]) -> None:
    assert mia.post("/v1/commands/resize/push/secret", {}).status_code == 409


def test_keys_outlive_a_replacement(pushed: dict[str, Any], mia: Caller, app: Flask) -> None:
    def ids() -> Any:
        with app.app_context(), app.extensions["taskyard.database"].read.connect() as connection:
            return [key["id"] for one in push.pushed(connection) for key in one.keys]

    before = ids()
    assert mia.put("/v1/commands/resize", {"push": {"url": URL}}).status_code == 200
    assert ids() == before != []
