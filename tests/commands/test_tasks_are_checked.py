"""Payloads at the door and results at completion, by the version a task was accepted under."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from support.caller import Caller
from support.commands import URL, WIDTH
from support.people import ALICE, MIA
from taskyard.config import Config
from taskyard.core.db import Database

Submit = Callable[..., Any]


@pytest.fixture
def settle(alice: Caller) -> Callable[..., Any]:
    """Claim the next task of a queue and say how it ended."""

    def settled(queue: str = "resize", **report: Any) -> Any:
        [lease] = alice.post("/v1/leases", {"queues": [queue]}).json["leases"]
        sent = {"token": lease["token"], "outcome": "succeeded", **report}
        return alice.post("/v1/leases/settle", {"leases": [sent]}).json["leases"][0]

    return settled


def test_a_payload_that_fits_is_taken_under_the_present_version(submit: Submit, resize: dict[str, Any]) -> None:
    accepted = submit("resize", {"width": 200})
    assert accepted.status_code == 201
    assert accepted.json["command_version"] == 1


def test_every_fault_of_a_payload_is_told_with_its_place(mia: Caller, submit: Submit) -> None:
    schema = {
        "type": "object",
        "properties": {
            "width": {"type": "integer", "minimum": 1},
            "a/b~c": {"items": {"enum": ["x", "y"]}},
            "to": {"anyOf": [{"type": "null"}, {"type": "object", "required": ["url"]}]},
            "never": False,
        },
        "required": ["height"],
        "additionalProperties": False,
    }
    mia.put("/v1/commands/resize", {"payload_schema": schema})
    refused = submit("resize", {"width": 0, "a/b~c": ["x", "z"], "to": {}, "never": 1, "more": 1})
    assert refused.status_code == 422
    assert {
        fault["pointer"]: fault["detail"] for fault in refused.json["errors"] if fault["pointer"] != "/payload"
    } == {
        "/payload/width": "The value is less than the minimum of 1",
        "/payload/a~1b~0c/1": 'The value is not one of "x" or "y"',
        "/payload/to": '"url" is a required property',
        "/payload/never": "Nothing may stand here.",
    }
    assert {fault["detail"] for fault in refused.json["errors"] if fault["pointer"] == "/payload"} == {
        '"height" is a required property',
        "Additional properties are not allowed ('more' was unexpected)",
    }


def test_faults_do_not_repeat_a_large_value(mia: Caller, submit: Submit) -> None:
    mia.put("/v1/commands/resize", {"payload_schema": {"maxLength": 5, "not": {"minLength": 7}, "pattern": "^a"}})
    refused = submit("resize", "secret" * 10_000)
    assert len(refused.json["errors"]) == 3
    assert len(refused.data) < 1000
    assert b"secret" not in refused.data


def test_names_that_were_sent_are_cut_short(mia: Caller, submit: Submit) -> None:
    mia.put("/v1/commands/resize", {"payload_schema": {"properties": {"a": {}}, "additionalProperties": False}})
    refused = submit("resize", {f"{'n' * 50}{i}": 1 for i in range(1000)})
    assert len(refused.data) < 1000


def test_of_more_than_a_hundred_faults_the_first_are_told(mia: Caller, submit: Submit) -> None:
    mia.put("/v1/commands/resize", {"payload_schema": {"items": {"type": "string"}}})
    few, many = submit("resize", [1] * 1000), submit("resize", [1] * 100_000)
    assert len(few.json["errors"]) == 100
    assert few.json["errors"][-1] == {"detail": "There are more faults than are listed here.", "pointer": "/payload"}
    assert [fault["pointer"] for fault in many.json["errors"]] == ["/payload/0", "/payload"]


def test_what_would_take_too_long_to_check_is_refused(mia: Caller, submit: Submit) -> None:
    twice = {"type": "array", "items": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}}  # 2^depth ways to the innermost
    mia.put("/v1/commands/resize", {"payload_schema": twice})
    value: Any = []
    for _ in range(10):
        value = [value]
    assert submit("resize", value).status_code == 201
    for _ in range(150):
        value = [value]
    refused = submit("resize", value)
    assert refused.status_code == 422
    assert "bounded time" in refused.json["errors"][0]["detail"]


def test_a_tree_may_be_as_deep_as_json_may_be_here(mia: Caller, submit: Submit) -> None:
    tree = {"type": "object", "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}}
    mia.put("/v1/commands/resize", {"payload_schema": tree})
    value: Any = {}
    for number in range(190):
        value = {("left", "right")[number % 2]: value}
    assert submit("resize", value).status_code == 201


def test_the_commands_settings_hold_where_the_task_says_nothing(mia: Caller, submit: Submit) -> None:
    said = {"queue": "images", "priority": "high", "timeout_s": 60, "max_attempts": 2}
    mia.put("/v1/commands/resize", said)
    accepted = submit("resize").json
    assert {name: accepted[name] for name in said} == said
    own = {"queue": "other", "priority": "low", "timeout_s": 5, "max_attempts": 9}
    accepted = submit("resize", **own).json
    assert {name: accepted[name] for name in own} == own


def test_a_result_that_fits_ends_the_task(submit: Submit, settle: Callable[..., Any], resize: dict[str, Any]) -> None:
    submit("resize", {"width": 1})
    assert settle(result={"url": "/1.png"})["task_status"] == "succeeded"


def test_a_result_that_does_not_fit_fails_the_attempt_with_every_fault(
    alice: Caller, mia: Caller, submit: Submit, settle: Callable[..., Any]
) -> None:
    mia.put(
        "/v1/commands/resize",
        {"result_schema": {"properties": {"a": {"type": "string"}, "b": {"const": 2}}}, "max_attempts": 2},
    )
    task = f"/v1/tasks/{submit('resize').json['id']}"
    told = settle(result={"a": 1, "b": 1})
    faults = [
        {"detail": 'The value is not of type "string"', "pointer": "/result/a"},
        {"detail": "2 was expected", "pointer": "/result/b"},
    ]
    assert (told["status"], told["task_status"], told["errors"]) == ("ok", "scheduled", faults)
    [attempt] = alice.get(f"{task}/attempts").json["attempts"]
    assert attempt["outcome"] == "failed"
    assert attempt["error"]["type"] == "invalid_result"
    assert attempt["error"]["errors"] == faults
    assert alice.get(task).json["result"] is None


def test_no_result_is_null_and_checked_as_that(
    submit: Submit, settle: Callable[..., Any], resize: dict[str, Any]
) -> None:
    submit("resize", {"width": 1})
    assert settle()["errors"] == [{"detail": 'The value is not of type "object"', "pointer": "/result"}]


def test_a_failure_needs_no_result(submit: Submit, settle: Callable[..., Any], resize: dict[str, Any]) -> None:
    submit("resize", {"width": 1})
    assert "errors" not in settle(outcome="failed", error="no")


def test_who_lost_the_lease_is_told_nothing_of_the_schema(
    alice: Caller, submit: Submit, resize: dict[str, Any]
) -> None:
    task_id = submit("resize", {"width": 1}).json["id"]
    report = {"token": f"{task_id}.{'0' * 32}", "outcome": "succeeded", "result": 1}
    told = alice.post("/v1/leases/settle", {"leases": [report]}).json["leases"]
    assert told == [{"token": report["token"], "status": "stale", "task_status": None}]


def test_a_task_keeps_the_version_it_was_accepted_under(
    mia: Caller, submit: Submit, settle: Callable[..., Any], resize: dict[str, Any]
) -> None:
    old = submit("resize", {"width": 1}).json
    mia.put("/v1/commands/resize", {"payload_schema": WIDTH, "result_schema": {"const": "new"}})
    new = submit("resize", {"width": 1}).json
    assert (old["command_version"], new["command_version"]) == (1, 2)
    assert settle(result={"url": "/"})["task_status"] == "succeeded"
    assert settle(result="new")["task_status"] == "succeeded"


def test_a_task_keeps_its_version_when_its_command_is_removed(
    mia: Caller, submit: Submit, settle: Callable[..., Any], resize: dict[str, Any]
) -> None:
    submit("resize", {"width": 1})
    mia.delete("/v1/commands/resize")
    assert submit("resize", "anything").json["command_version"] is None
    assert settle(result="wrong")["errors"][0]["pointer"] == "/result"
    assert settle(result="wrong")["task_status"] == "succeeded"


def test_a_changed_payload_is_checked_again_by_the_present_version(
    alice: Caller, mia: Caller, submit: Submit, resize: dict[str, Any]
) -> None:
    task = f"/v1/tasks/{submit('resize', {'width': 1}, delay_s=60).json['id']}"
    refused = alice.patch(task, {"payload": {"width": "wide"}})
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json["errors"]] == ["/payload/width"]
    mia.put("/v1/commands/resize", {"payload_schema": {"type": "string"}})
    assert alice.patch(task, {"payload": {"width": 2}}).status_code == 422
    changed = alice.patch(task, {"payload": "wide"})
    assert (changed.status_code, changed.json["command_version"]) == (200, 2)
    assert alice.patch(task, {"priority": "high"}).json["command_version"] == 2


class TestTwoProcesses:
    """Two apps on one database know nothing of each other but what stands there."""

    @pytest.fixture
    def app(self, config: Config, make_app: Callable[[Config], Flask]) -> Flask:
        return make_app(config)

    @pytest.fixture
    def elsewhere(self, config: Config, make_app: Callable[[Config], Flask]) -> Flask:
        return make_app(config)

    def test_what_one_registers_holds_in_the_other_at_once(self, app: Flask, elsewhere: Flask) -> None:
        here, there = Caller(app, MIA), Caller(elsewhere, ALICE)
        task = {"command": "resize", "payload": "wide"}
        assert there.post("/v1/tasks", task).status_code == 201
        here.put("/v1/commands/resize", {"payload_schema": WIDTH})
        assert there.post("/v1/tasks", task).status_code == 422
        here.put("/v1/commands/resize", {"payload_schema": {"type": "string"}})
        assert there.post("/v1/tasks", task).json["command_version"] == 2
        here.put("/v1/commands/resize", {"payload_schema": {"type": "string"}, "result_schema": URL})
        assert there.post("/v1/tasks", task).json["command_version"] == 3
        here.delete("/v1/commands/resize")
        assert there.post("/v1/tasks", task).json["command_version"] is None

    def test_a_closed_catalogue_takes_registered_commands_only(
        self, config: Config, make_app: Callable[[Config], Flask], elsewhere: Flask
    ) -> None:
        closed = Caller(make_app(replace(config, closed_catalogue=True)), ALICE)
        refused = closed.post("/v1/tasks", {"command": "resize"})
        assert refused.status_code == 422
        assert [fault["pointer"] for fault in refused.json["errors"]] == ["/command"]
        Caller(elsewhere, MIA).put("/v1/commands/resize", {})
        assert closed.post("/v1/tasks", {"command": "resize"}).status_code == 201
        Caller(elsewhere, MIA).delete("/v1/commands/resize")
        assert closed.post("/v1/tasks", {"command": "resize"}).status_code == 422

    def test_each_change_raises_the_revision(self, app: Flask, database: Database) -> None:
        mia = Caller(app, MIA)
        seen = [_revision(database)]
        for change in (
            lambda: mia.put("/v1/commands/a", {}),
            lambda: mia.put("/v1/commands/a", {"description": "other"}),
            lambda: mia.put("/v1/commands/a", {"payload_schema": True}),
            lambda: mia.delete("/v1/commands/a"),
        ):
            change()
            seen.append(_revision(database))
        assert seen == sorted(set(seen))
        mia.put("/v1/commands/a", {}, headers={"If-Match": '"v5"'})
        mia.put("/v1/commands/a", {"payload_schema": 1})
        assert _revision(database) == seen[-1]


def _revision(database: Database) -> int:
    with database.read.connect() as connection:
        return int(connection.exec_driver_sql("SELECT revision FROM catalogue").scalar_one())
