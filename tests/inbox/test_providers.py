"""Each provider's requests are taken in as its preset says, and its questions are answered."""

import base64
import hashlib
import hmac
import json

import pytest
from flask import Flask

from support.caller import Caller
from support.github import Hook
from taskyard.core import clock
from taskyard.inbox.presets import PRESETS, Handshake
from taskyard.inbox.scheme import Kind
from taskyard.inbox.sign import sign

TEXTS = {"standard-webhooks": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "basic": "user:password"}
SHARED = [name for name, one in PRESETS.items() if one.scheme.kind not in {Kind.ED25519, Kind.ECDSA}]
NAMES = ("type", "event_type", "triggerType", "object")  # where one provider or another says what happened
BODY = json.dumps({"id": "evt_1", "event_id": "e1", **dict.fromkeys(NAMES, "thing.happened")}).encode()


def secret_of(name: str) -> str:
    return TEXTS.get(name) or (TEXTS["standard-webhooks"] if name == "gitlab-signed" else "a secret of some length")


def made(alice: Caller, name: str) -> None:
    sent = {"preset": name, "secrets": [{"secret": secret_of(name)}], "routes": [{"command": "c"}]}
    assert alice.put(f"/v1/sources/{name}", sent).status_code == 201


@pytest.mark.parametrize("name", SHARED)
def test_a_request_as_the_provider_signs_it_becomes_a_task_once(alice: Caller, nobody: Caller, name: str) -> None:
    made(alice, name)
    preset = PRESETS[name]
    headers = dict(sign(preset, secret_of(name), BODY, clock.now(), event="thing.happened", message_id="m-1"))
    headers["Content-Type"] = "application/json"
    answers = [nobody.request("POST", f"/hooks/{name}", data=BODY, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    requests = alice.get("/v1/requests").json["requests"]
    assert len(requests) == (1 if preset.dedupe_key else 2)
    assert {request["verdict"] for request in requests} == {"routed"}
    assert requests[0]["type"] == ("thing.happened" if preset.event_type else None)
    if preset.scheme.kind is not Kind.NONE:
        assert nobody.request("POST", f"/hooks/{name}", data=BODY + b" ").status_code == 401


def test_github_pings_and_nothing_becomes_of_it(alice: Caller, nobody: Caller) -> None:
    made(alice, "github")
    body = b'{"zen": "Keep it logically awesome."}'
    headers = dict(sign(PRESETS["github"], secret_of("github"), body, clock.now(), event="ping", message_id="m-1"))
    assert nobody.request("POST", "/hooks/github", data=body, headers=headers).status_code == 200
    [request] = alice.get("/v1/requests").json["requests"]
    assert (request["verdict"], request["type"], request["tasks"]) == ("answered", "ping", [])


def test_slack_gets_its_challenge_back_if_it_has_signed(alice: Caller, nobody: Caller) -> None:
    made(alice, "slack")
    body = b'{"type": "url_verification", "challenge": "abc"}'
    headers = dict(sign(PRESETS["slack"], secret_of("slack"), body, clock.now()))
    answer = nobody.request("POST", "/hooks/slack", data=body, headers=headers)
    assert (answer.status_code, answer.text) == (200, "abc")
    assert nobody.request("POST", "/hooks/slack", data=body).status_code == 401


def test_x_gets_its_token_signed(alice: Caller, nobody: Caller) -> None:
    made(alice, "x")
    signed = base64.b64encode(hmac.digest(secret_of("x").encode(), b"abc", hashlib.sha256)).decode()
    answer = nobody.get("/hooks/x?crc_token=abc")
    assert answer.json == {"response_token": f"sha256={signed}"}
    assert alice.get("/v1/requests").json["requests"] == [], "anybody may ask"


def test_meta_gets_its_challenge_back_for_the_token_that_the_source_shows(alice: Caller, nobody: Caller) -> None:
    made(alice, "meta")
    assert PRESETS["meta"].handshake is Handshake.META_CHALLENGE
    token = alice.get("/v1/sources/meta").json["verify_token"]
    query = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="
    assert nobody.get(f"/hooks/meta?{query}{token}").text == "1158201444"
    assert nobody.get(f"/hooks/meta?{query}wrong").status_code == 401


def test_cloudevents_may_come_from_where_they_say(alice: Caller, nobody: Caller) -> None:
    made(alice, "cloudevents")
    answer = nobody.request("OPTIONS", "/hooks/cloudevents", headers={"WebHook-Request-Origin": "example.com"})
    assert (answer.status_code, answer.headers["WebHook-Allowed-Origin"]) == (200, "example.com")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_a_method_that_the_provider_does_not_send_is_a_405(alice: Caller, nobody: Caller, method: str) -> None:
    made(alice, "github")
    answer = nobody.request(method, "/hooks/github")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_a_path_beyond_the_source_is_part_of_the_request(app: Flask, alice: Caller, nobody: Caller) -> None:
    sent = {"preset": "none", "routes": [{"command": "c", "payload": "{path: path, n: query.n, m: method}"}]}
    alice.put("/v1/sources/any", sent)
    request_id = Hook(nobody).send(path="/hooks/any/a%20b/c?n=1").json["id"]
    request = alice.get(f"/v1/requests/{request_id}").json
    assert (request["path"], request["query"]) == ("/a%20b/c", "n=1")
    task = alice.get(f"/v1/tasks/{request['tasks'][0]['task_id']}").json
    assert task["payload"] == {"path": "/a%20b/c", "n": "1", "m": "POST"}


def test_many_events_in_one_request_are_told_together(alice: Caller, hook: Hook) -> None:
    alice.put("/v1/sources/many", {"preset": "none", "event_type": "join(',', body[].event)"})
    request_id = hook.send([{"event": "open"}, {"event": "click"}], path="/hooks/many").json["id"]
    assert alice.get(f"/v1/requests/{request_id}").json["type"] == "open,click"
