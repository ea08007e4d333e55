"""What comes at the same moment: one of the same, all of the different."""

from support.caller import Caller
from support.github import GITHUB, PUSH, Hook
from support.yard import at_once

MANY = 8


def test_of_the_same_request_sent_at_once_one_makes_a_task(alice: Caller, hook: Hook) -> None:
    alice.put("/v1/sources/github", GITHUB)
    for delivery in ("d-1", "d-2", "d-3"):
        answers = at_once(*[lambda delivery=delivery: hook.send(delivery=delivery)] * MANY)
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json["id"] for answer in answers}) == 1
    assert len(alice.get("/v1/tasks").json["tasks"]) == 3
    assert len(alice.get("/v1/requests").json["requests"]) == 3


def test_different_requests_at_once_all_make_theirs(alice: Caller, hook: Hook) -> None:
    alice.put("/v1/sources/github", GITHUB)
    answers = at_once(*[hook.send] * MANY)
    assert len({answer.json["id"] for answer in answers}) == MANY
    assert len(alice.get("/v1/tasks").json["tasks"]) == MANY


def test_one_unique_key_at_once_is_one_task(alice: Caller, hook: Hook) -> None:
    alice.put("/v1/sources/github", {**GITHUB, "routes": [{**PUSH, "unique_key": "body.ref"}]})
    answers = at_once(*[hook.send] * MANY)
    requests = [alice.get(f"/v1/requests/{answer.json['id']}").json for answer in answers]
    assert len({request["tasks"][0]["task_id"] for request in requests}) == 1


def test_verifying_at_once_routes_once(alice: Caller, hook: Hook) -> None:
    alice.put("/v1/sources/github", GITHUB)
    hook.send(secret="the right one")
    [request] = alice.get("/v1/requests").json["requests"]
    alice.put("/v1/sources/github", {**GITHUB, "secrets": [{"secret": "the right one"}]})
    path = f"/v1/requests/{request['id']}/verify"
    answers = at_once(*[lambda: alice.post(path)] * 4)
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert len(alice.get("/v1/tasks").json["tasks"]) == 1


def test_a_source_changed_meanwhile_takes_each_request_as_it_was_or_as_it_is(alice: Caller, hook: Hook) -> None:
    alice.put("/v1/sources/github", GITHUB)
    other = {**GITHUB, "routes": [{**PUSH, "command": "other"}]}
    changes = [lambda sent=sent: alice.put("/v1/sources/github", sent) for sent in (other, GITHUB)]
    answers = at_once(*[hook.send] * MANY, *changes)
    assert {answer.status_code for answer in answers} == {200}
    tasks = alice.get("/v1/tasks").json["tasks"]
    assert len(tasks) == MANY
    assert {task["command"] for task in tasks} <= {"build", "other"}
