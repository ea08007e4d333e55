"""A webhook comes in, and becomes tasks."""

import base64
import json

import pytest

from support.caller import Caller
from support.github import GITHUB, PUSH, SECRET, Hook
from support.people import ALICE

BUILD = {
    "payload_schema": {
        "type": "object",
        "properties": {"ref": {"type": "string"}, "size": {"type": "integer"}},
        "required": ["ref"],
    }
}


@pytest.fixture
def source(alice: Caller) -> None:
    assert alice.put("/v1/sources/github", GITHUB).status_code == 201


def test_a_signed_request_becomes_a_task_of_the_sources_owner(source: None, hook: Hook, alice: Caller) -> None:
    answer = hook.send({"ref": "main", "size": 3})
    assert answer.status_code == 200
    request = alice.get(f"/v1/requests/{answer.json['id']}").json
    assert (request["verdict"], request["type"], request["source"]) == ("routed", "push", "github")
    [made] = request["tasks"]
    task = alice.get(f"/v1/tasks/{made['task_id']}").json
    assert (task["command"], task["payload"], task["owner_id"]) == ("build", {"ref": "main"}, ALICE.id)
    assert made["route"] == 0


def test_a_worker_gets_what_was_received(source: None, hook: Hook, alice: Caller) -> None:
    hook.send({"ref": "main"})
    [lease] = alice.post("/v1/leases", {"queues": ["build"]}).json["leases"]
    assert lease["task"]["payload"] == {"ref": "main"}


def test_the_body_is_kept_byte_for_byte(source: None, hook: Hook, alice: Caller) -> None:
    raw = b'{"ref" :  "m\\u00e4in",\r\n "x": 1.0}\n'
    request_id = hook.send(raw).json["id"]
    request = alice.get(f"/v1/requests/{request_id}").json
    assert base64.b64decode(request["body"]["base64"]) == raw
    assert request["body"]["utf8"] == raw.decode()
    assert request["size"] == len(raw)
    assert {"name": "x-github-event", "value": "push"} in request["headers"]


def test_what_matches_no_route_is_kept_and_says_so(source: None, hook: Hook, alice: Caller) -> None:
    answer = hook.send(event="issues")
    request = alice.get(f"/v1/requests/{answer.json['id']}").json
    assert (answer.status_code, request["verdict"], request["tasks"]) == (200, "unrouted", [])


def test_several_routes_make_several_tasks(alice: Caller, hook: Hook) -> None:
    routes = [
        PUSH,
        {"command": "log", "queue": "logs", "priority": "low", "tags": ["hook"], "delay_s": 60},
        {"filter": "body.ref != 'main'", "command": "never"},
    ]
    alice.put("/v1/sources/github", {**GITHUB, "routes": routes})
    request = alice.get(f"/v1/requests/{hook.send().json['id']}").json
    tasks = {made["route"]: alice.get(f"/v1/tasks/{made['task_id']}").json for made in request["tasks"]}
    assert {route: task["command"] for route, task in tasks.items()} == {0: "build", 1: "log"}
    log = tasks[1]
    assert (log["queue"], log["priority"], log["tags"], log["status"]) == ("logs", "low", ["hook"], "scheduled")
    assert log["payload"] == {"ref": "main"}, "the body, unless the route says otherwise"


def test_a_payload_that_does_not_fit_keeps_the_request_with_every_fault(
    source: None, hook: Hook, alice: Caller, mia: Caller
) -> None:
    mia.put("/v1/commands/build", BUILD)
    route = {"command": "build", "payload": "{ref: body.number, size: body.text}"}
    alice.put("/v1/sources/github", {**GITHUB, "routes": [{"command": "log"}, route]})
    answer = hook.send({"number": 1, "text": "x"})
    assert answer.status_code == 200, "sending it again would not help"
    request = alice.get(f"/v1/requests/{answer.json['id']}").json
    assert (request["verdict"], request["tasks"]) == ("unroutable", [])
    assert {fault["pointer"] for fault in request["errors"]} == {"/routes/1/payload/ref", "/routes/1/payload/size"}
    assert alice.get("/v1/tasks").json["tasks"] == [], "all of its tasks or none"


@pytest.mark.parametrize(
    ("route", "pointer"),
    [
        ({"command": "c", "payload": "body.ref", "unique_key": "body.list"}, "/routes/0/unique_key"),
        ({"command": "c", "payload": "body.ref", "unique_key": "'" + "x" * 201 + "'"}, "/routes/0/unique_key"),
        ({"command": "c", "filter": "length(body.number)"}, "/routes/0/filter"),
        ({"command": "c", "payload": "abs(body.ref)"}, "/routes/0/payload"),
        ({"command": "c", "payload": "body.nul"}, "/routes/0/payload"),
        ({"command": "c", "payload": "body.huge"}, "/routes/0/payload"),
        ({"command": "c", "payload": "'\\ud800'"}, None),
        ({"command": "c", "payload": "[@,@]" + " | [@,@]" * 40}, "/routes/0/payload"),
        ({"command": "c", "payload": "body.long"}, "/routes/0/payload"),
    ],
)
def test_what_an_expression_gives_may_not_do(
    alice: Caller, hook: Hook, route: dict[str, str], pointer: str | None
) -> None:
    alice.put("/v1/sources/github", {**GITHUB, "routes": [route]})
    body = b'{"ref": "main", "list": [], "number": 1, "nul": "a\\u0000", "huge": 123456789012345678901, "long": "%s"}'
    answer = hook.send(body % (b"x" * 300_000))
    request = alice.get(f"/v1/requests/{answer.json['id']}").json
    if pointer is None:
        assert request["verdict"] == "routed"
    else:
        assert (request["verdict"], [fault["pointer"] for fault in request["errors"]]) == ("unroutable", [pointer])


def test_a_unique_key_makes_one_task_of_several_requests(alice: Caller, hook: Hook) -> None:
    alice.put("/v1/sources/github", {**GITHUB, "routes": [{**PUSH, "unique_key": "body.ref"}]})
    first, second = (alice.get(f"/v1/requests/{hook.send().json['id']}").json for _ in range(2))
    assert first["id"] != second["id"]
    assert first["tasks"] == second["tasks"]
    assert second["verdict"] == "routed"


def test_a_closed_queue_keeps_the_request_unroutable(source: None, hook: Hook, alice: Caller, mia: Caller) -> None:
    assert mia.post("/v1/queues/build/drain").status_code == 200
    request = alice.get(f"/v1/requests/{hook.send().json['id']}").json
    assert request["verdict"] == "unroutable"
    assert [fault["pointer"] for fault in request["errors"]] == ["/routes/0/queue"]


def test_a_request_for_a_fair_queue_becomes_a_task_as_any_other(source: None, hook: Hook, alice: Caller) -> None:
    alice.post("/v1/tasks", {"command": "other", "queue": "build", "fairness_key": "f"})
    requests = [alice.get(f"/v1/requests/{hook.send(delivery=name).json['id']}").json for name in ("d-1", "d-2")]
    assert [(one["verdict"], len(one["tasks"])) for one in requests] == [("routed", 1)] * 2
    leases = alice.post("/v1/leases", {"queues": ["build"], "limit": 9}).json["leases"]
    assert [lease["task"]["command"] for lease in leases].count("build") == 2


def test_a_request_sent_again_is_answered_as_the_first_and_makes_no_task(
    source: None, hook: Hook, alice: Caller
) -> None:
    first = hook.send(delivery="d-1")
    again = hook.send(delivery="d-1")
    assert (again.status_code, again.json) == (200, first.json)
    assert len(alice.get("/v1/tasks").json["tasks"]) == 1
    assert len(alice.get("/v1/requests").json["requests"]) == 1


def test_a_change_of_a_source_or_a_command_holds_at_once(source: None, hook: Hook, alice: Caller, mia: Caller) -> None:
    hook.send()
    mia.put("/v1/commands/build", {**BUILD, "queue": "heavy"})
    task_id = alice.get(f"/v1/requests/{hook.send().json['id']}").json["tasks"][0]["task_id"]
    assert alice.get(f"/v1/tasks/{task_id}").json["queue"] == "heavy"
    alice.put("/v1/sources/github", {**GITHUB, "routes": []})
    assert alice.get(f"/v1/requests/{hook.send().json['id']}").json["verdict"] == "unrouted"
    assert alice.delete("/v1/sources/github").status_code == 204
    assert hook.send().status_code == 404


def test_a_wrong_signature_is_refused_and_kept_with_the_reason(source: None, hook: Hook, alice: Caller) -> None:
    answer = hook.send(secret="another")
    assert answer.status_code == 401
    assert SECRET not in answer.text
    [request] = alice.get("/v1/requests?verdict=rejected").json["requests"]
    assert (request["reason"], request["tasks"]) == ("wrong_signature", [])
    assert request["detail"]
    assert alice.get("/v1/tasks").json["tasks"] == []


def test_an_unknown_source_is_a_404(hook: Hook) -> None:
    for name in ("nobody", "a%00b", "x" * 300, "ä", "..", "a/b"):
        assert hook.send(path=f"/hooks/{name}").status_code == 404


def test_the_answer_is_what_the_source_says(alice: Caller, hook: Hook) -> None:
    respond = {"status": 202, "body": "thanks", "content_type": "text/plain", "headers": {"X-Hook": "1"}}
    alice.put("/v1/sources/github", {**GITHUB, "respond": respond})
    answer = hook.send()
    assert (answer.status_code, answer.text, answer.headers["X-Hook"]) == (202, "thanks", "1")
    assert answer.headers.getlist("Content-Type") == ["text/plain"]


def test_a_body_that_is_too_large_is_refused_and_leaves_a_trace(alice: Caller, hook: Hook) -> None:
    alice.put("/v1/sources/github", {**GITHUB, "max_body": 100})
    assert hook.send(b"x" * 100).status_code == 200
    assert hook.send(b"x" * 101).status_code == 413
    [request] = alice.get("/v1/requests?verdict=rejected").json["requests"]
    assert request["reason"] == "too_large"


def test_a_source_may_take_more_than_the_api_does(alice: Caller, hook: Hook) -> None:
    alice.put("/v1/sources/github", {**GITHUB, "routes": [], "max_body": 5_000_000})
    assert hook.send(b"x" * 4_000_000).status_code == 200


def test_beyond_its_rate_a_source_answers_429(alice: Caller, hook: Hook) -> None:
    alice.put("/v1/sources/github", {**GITHUB, "rate": {"count": 2, "per_s": 600}})
    answers = [hook.send() for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 300


def test_only_the_networks_of_a_source_may_send(alice: Caller, hook: Hook) -> None:
    alice.put("/v1/sources/github", {**GITHUB, "networks": ["10.0.0.0/8", "::1"]})
    assert hook.send(environ_base={"REMOTE_ADDR": "10.1.2.3"}).status_code == 200
    assert hook.send(environ_base={"REMOTE_ADDR": "::ffff:10.1.2.3"}).status_code == 200
    assert (
        hook.send(environ_base={"REMOTE_ADDR": "192.0.2.1"}, headers={"X-Forwarded-For": "10.1.2.3"}).status_code == 403
    )
    [request] = alice.get("/v1/requests?verdict=rejected").json["requests"]
    assert (request["reason"], request["peer"]) == ("network", "192.0.2.1")


def test_a_form_is_read_as_its_payload(source: None, hook: Hook, alice: Caller) -> None:
    answer = hook.send(
        b"payload=" + json.dumps({"ref": "f"}).replace(" ", "+").encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    request = alice.get(f"/v1/requests/{answer.json['id']}").json
    task = alice.get(f"/v1/tasks/{request['tasks'][0]['task_id']}").json
    assert task["payload"] == {"ref": "f"}


def test_a_compressed_body_is_kept_as_it_came(source: None, hook: Hook, alice: Caller) -> None:
    raw = b"\x1f\x8b\x08\x00garbage\xff\x00"
    answer = hook.send(raw, headers={"Content-Encoding": "gzip"})
    request = alice.get(f"/v1/requests/{answer.json['id']}").json
    assert base64.b64decode(request["body"]["base64"]) == raw
    assert request["body"]["utf8"] is None


def test_a_source_whose_owner_is_gone_is_none(app, ada: Caller, bob: Caller, hook: Hook, cast) -> None:  # type: ignore[no-untyped-def]
    made = ada.post("/v1/users", {"name": "Eve", "username": "eve", "email": "eve@example.com"}).json
    key = ada.post("/v1/keys", {"user_id": made["id"], "name": "k", "scopes": ["read", "write"]}).json["key"]
    eve = Caller(app, token=key)
    assert eve.put("/v1/sources/github", GITHUB).status_code == 201
    assert hook.send().status_code == 200
    assert ada.delete(f"/v1/users/{made['id']}").status_code == 204
    assert hook.send().status_code == 404
