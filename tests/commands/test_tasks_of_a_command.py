"""POST /v1/commands/{name}/tasks and /check."""

from collections.abc import Callable
from typing import Any

import pytest

from support.caller import Caller
from support.commands import URL, WIDTH


def test_a_task_is_submitted_under_its_command(alice: Caller, resize: dict[str, Any]) -> None:
    sent = alice.post("/v1/commands/resize/tasks", {"payload": {"width": 5}, "priority": "high"})
    assert sent.status_code == 201
    assert (sent.json["command"], sent.json["command_version"], sent.json["priority"]) == ("resize", 1, "high")
    assert alice.get(sent.headers["Location"]).json == sent.json


def test_its_faults_are_told(alice: Caller, resize: dict[str, Any]) -> None:
    refused = alice.post("/v1/commands/resize/tasks", {"payload": {"width": 0}})
    assert [fault["pointer"] for fault in refused.json["errors"]] == ["/payload/width"]
    refused = alice.post("/v1/commands/resize/tasks", {"command": "resize", "queue": "a b"})
    assert {fault["pointer"] for fault in refused.json["errors"]} == {"/command", "/queue"}


def test_a_repeat_is_no_second_task(alice: Caller, resize: dict[str, Any]) -> None:
    key = {"Idempotency-Key": "k"}
    first, second = (alice.post("/v1/commands/resize/tasks", {"payload": {"width": 5}}, headers=key) for _ in range(2))
    assert first.json == second.json


@pytest.mark.parametrize("path", ["tasks", "check"])
def test_nobody_may_and_an_unknown_command_is_not_found(
    nobody: Caller, mia: Caller, resize: dict[str, Any], path: str
) -> None:
    body = {} if path == "tasks" else {"payload_schema": True}
    assert nobody.post(f"/v1/commands/resize/{path}", body).status_code == 401
    for name in ("nope", "a%00b", "%20"):
        assert mia.post(f"/v1/commands/{name}/{path}", body).status_code == 404


def test_a_schema_is_tried_on_recent_tasks(mia: Caller, submit: Callable[..., Any]) -> None:
    submit("other", "not of this command")
    ids = [submit("resize", {"width": width}).json["id"] for width in (0, 1, "x", 2)]
    told = mia.post("/v1/commands/resize/check", {"payload_schema": WIDTH})
    assert told.status_code == 200
    assert told.json == {
        "checked": 4,
        "fitting": 2,
        "complete": True,
        "misfits": [
            {
                "task_id": ids[2],
                "errors": [{"detail": 'The value is not of type "integer"', "pointer": "/payload/width"}],
            },
            {
                "task_id": ids[0],
                "errors": [{"detail": "The value is less than the minimum of 1", "pointer": "/payload/width"}],
            },
        ],
    }
    newest = mia.post("/v1/commands/resize/check", {"payload_schema": WIDTH, "limit": 2}).json
    assert (newest["checked"], newest["fitting"]) == (2, 1)


def test_a_result_schema_is_tried_on_what_succeeded(alice: Caller, mia: Caller, submit: Callable[..., Any]) -> None:
    ids = [submit("resize").json["id"] for _ in range(3)]
    leases = alice.post("/v1/leases", {"queues": ["resize"], "limit": 2}).json["leases"]
    reports = [
        {"token": lease["token"], "outcome": "succeeded", "result": result}
        for lease, result in zip(leases, [{"url": "/"}, {"url": 1}], strict=True)
    ]
    alice.post("/v1/leases/settle", {"leases": reports})
    told = mia.post("/v1/commands/resize/check", {"result_schema": URL}).json
    assert (told["checked"], told["fitting"]) == (3, 2)
    [misfit] = told["misfits"]
    assert misfit["task_id"] == ids[1]
    assert [fault["pointer"] for fault in misfit["errors"]] == ["/result/url"]


def test_many_tasks_are_read_in_portions_and_misfits_are_bounded(mia: Caller, submit: Callable[..., Any]) -> None:
    for _ in range(65):
        submit("resize", [1] * 15)
    told = mia.post("/v1/commands/resize/check", {"payload_schema": {"items": False}}).json
    assert (told["checked"], told["fitting"], len(told["misfits"])) == (65, 0, 50)
    assert {len(misfit["errors"]) for misfit in told["misfits"]} == {10}


def test_trying_stores_nothing(mia: Caller, resize: dict[str, Any]) -> None:
    told = mia.post("/v1/commands/resize/check", {"payload_schema": False})
    assert told.json == {"checked": 0, "fitting": 0, "complete": True, "misfits": []}
    assert mia.get("/v1/commands/resize").json == resize
    assert len(mia.get("/v1/commands/resize/schemas").json["schemas"]) == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"payload_schema": {"type": "x"}}, "/payload_schema/type"),
        ({"result_schema": {"$ref": "http://127.0.0.1:1/"}}, "/result_schema/$ref"),
        ({"payload_schema": True, "limit": 1001}, "/limit"),
        ({"payload_schema": True, "limit": 0}, "/limit"),
    ],
)
def test_what_cannot_be_tried_is_told(mia: Caller, resize: dict[str, Any], body: dict[str, Any], pointer: str) -> None:
    refused = mia.post("/v1/commands/resize/check", body)
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json["errors"]] == [pointer]


def test_a_user_does_not_see_the_tasks_of_others_that_way(alice: Caller, resize: dict[str, Any]) -> None:
    assert alice.post("/v1/commands/resize/check", {"payload_schema": True}).status_code == 403
