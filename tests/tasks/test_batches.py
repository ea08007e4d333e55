"""POST /v1/tasks/batch: all of them or none, or each for itself."""

import gzip
from functools import partial
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from support.caller import Caller
from support.people import ALICE
from support.yard import at_once

FORGED = "00000000-0000-7000-8000-00000000dead"
NDJSON = "application/x-ndjson"
WIDTH = {"type": "object", "properties": {"width": {"type": "integer"}}, "required": ["width"]}


def tasks(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"command": "c", "payload": number, **more} for number in range(count)]


def submit(who: Caller, sent: list[Any], *, atomic: bool | None = None, **options: Any) -> TestResponse:
    return who.post("/v1/tasks/batch", {"tasks": sent, **({} if atomic is None else {"atomic": atomic})}, **options)


def lines(who: Caller, *sent: str, query: str = "") -> TestResponse:
    return who.post(f"/v1/tasks/batch{query}", data="\n".join(sent), content_type=NDJSON)


def stored(who: Caller) -> list[Any]:
    """The payloads of the tasks there are, oldest first."""
    found = who.get("/v1/tasks?limit=200").json["tasks"]
    return [task["payload"] for task in reversed(found)]


def test_tasks_are_accepted_in_their_order(alice: Caller) -> None:
    answer = submit(alice, tasks(5))
    assert answer.status_code == 200, answer.text
    told = answer.json["tasks"]
    assert [(one["status"], one["problem"], one["task"]["payload"]) for one in told] == [
        (201, None, number) for number in range(5)
    ]
    assert all(alice.get(f"/v1/tasks/{one['task']['id']}").json == one["task"] for one in told)
    claimed = alice.post("/v1/leases", {"queues": ["c"], "limit": 10}).json["leases"]
    assert [one["task"]["payload"] for one in claimed] == [0, 1, 2, 3, 4]


def test_a_thousand_tasks_are_accepted_at_once(alice: Caller) -> None:
    assert {one["status"] for one in submit(alice, tasks(1000)).json["tasks"]} == {201}


def test_a_stranger_submits_nothing(nobody: Caller) -> None:
    assert submit(nobody, tasks(1)).status_code == 401


def test_one_fault_refuses_all_and_every_fault_is_told(alice: Caller) -> None:
    sent = tasks(3)
    sent[0]["priority"] = "urgent"
    sent[2] |= {"command": " ", "colour": "red"}
    refused = submit(alice, sent)
    assert refused.status_code == 422
    pointers = {fault["pointer"] for fault in refused.json["errors"]}
    assert pointers == {"/tasks/0/priority", "/tasks/2/command", "/tasks/2/colour"}
    assert stored(alice) == []


def test_payloads_are_checked_against_their_commands(alice: Caller, mia: Caller) -> None:
    mia.put("/v1/commands/c", {"payload_schema": WIDTH})
    sent = [{"command": "c", "payload": {"width": 1}}, {"command": "d"}, {"command": "c", "payload": {"width": "1"}}]
    refused = submit(alice, sent)
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json["errors"]] == ["/tasks/2/payload/width"]
    each = submit(alice, sent, atomic=False).json["tasks"]
    assert [one["status"] for one in each] == [201, 201, 422]
    assert (each[0]["task"]["command_version"], each[1]["task"]["command_version"]) == (1, None)


def test_each_for_itself_has_its_own_answer(alice: Caller) -> None:
    sent = [*tasks(2), {"command": ""}, None, {"command": "c", "payload": 4}]
    answer = submit(alice, sent, atomic=False)
    assert answer.status_code == 200
    told = answer.json["tasks"]
    assert [one["status"] for one in told] == [201, 201, 422, 422, 201]
    assert told[2]["problem"]["type"] == "urn:taskyard:problem:invalid"
    assert told[2]["problem"]["errors"][0]["pointer"] == "/tasks/2/command"
    assert "task" not in told[3]
    assert stored(alice) == [0, 1, 4]


def test_none_may_be_accepted_of_those_that_are_for_themselves(alice: Caller) -> None:
    assert [one["status"] for one in submit(alice, [{}, {}], atomic=False).json["tasks"]] == [422, 422]


def test_a_line_may_be_a_task(alice: Caller) -> None:
    answer = lines(alice, '{"command": "c", "payload": "é"}', "", '{"command": "c", "payload": 2}\r', "")
    assert [one["task"]["payload"] for one in answer.json["tasks"]] == ["é", 2]


def test_a_bad_line_is_told_by_its_number(alice: Caller) -> None:
    refused = lines(alice, '{"command": "c"}', "", '{"command": oops}')
    [fault] = refused.json["errors"]
    assert (refused.status_code, fault["pointer"]) == (422, "/tasks/1")
    assert "line 3 column 13" in fault["detail"]


def test_too_many_lines_are_refused_and_none_is_dropped(alice: Caller) -> None:
    one = '{"command": "c"}'
    refused = lines(alice, one, *[""] * 10_000, one)
    assert (refused.status_code, stored(alice)) == (422, [])
    assert len(lines(alice, one, *[""] * 9_000, one).json["tasks"]) == 2


def test_what_is_packed_is_refused(alice: Caller) -> None:
    body = gzip.compress(b'{"command": "c"}')
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    refused = alice.request("POST", "/v1/tasks", data=body, headers=headers)
    assert (refused.status_code, "Content-Encoding" in refused.json["detail"]) == (415, True)


@pytest.mark.parametrize("atomic", [0, 0.0, 1, "true", None])
def test_atomic_is_true_or_false(alice: Caller, atomic: Any) -> None:
    refused = alice.post("/v1/tasks/batch", {"tasks": [{"command": "c"}], "atomic": atomic})
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/atomic")


def test_a_broken_line_refuses_all_or_itself_alone(alice: Caller) -> None:
    sent = ('{"command": "c"}', '{"command"', '{"command": "c", "command": "d"}')
    refused = lines(alice, *sent)
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json["errors"]] == ["/tasks/1", "/tasks/2"]
    assert stored(alice) == []
    each = lines(alice, *sent, query="?atomic=false")
    assert [one["status"] for one in each.json["tasks"]] == [201, 422, 422]


def test_a_batch_may_be_larger_than_other_bodies(alice: Caller) -> None:
    sent = [{"command": "c", "payload": "x" * 250_000}] * 20  # 5 MB
    assert submit(alice, sent).status_code == 200
    assert alice.post("/v1/tasks", {"command": "c", "payload": "x" * 3_000_000}).status_code == 413


@pytest.mark.parametrize("atomic", [True, False])
def test_a_repeated_batch_gets_the_first_answer(alice: Caller, atomic: bool) -> None:
    headers = {"Idempotency-Key": "one-batch"}
    first = submit(alice, tasks(3), atomic=atomic, headers=headers)
    again = submit(alice, tasks(3), atomic=atomic, headers=headers)
    assert (again.json, again.headers["Idempotency-Replayed"]) == (first.json, "true")
    assert stored(alice) == [0, 1, 2]


def test_a_unique_key_that_is_taken_refuses_all_or_its_task_alone(alice: Caller) -> None:
    taken = alice.post("/v1/tasks", {"command": "c", "payload": "first", "unique": {"key": "k"}}).json["id"]
    sent = [*tasks(2), {"command": "c", "unique": {"key": "k"}}, {"command": "c", "payload": 3}]
    refused = submit(alice, sent)
    assert refused.status_code == 409
    assert refused.json["detail"].startswith(f"/tasks/2: The task {taken} has this unique key")
    assert stored(alice) == ["first"]
    told = submit(alice, sent, atomic=False).json["tasks"]
    assert [one["status"] for one in told] == [201, 201, 409, 201]
    assert taken in told[2]["problem"]["detail"]


def test_two_of_a_batch_with_one_key_come_one_after_the_other(alice: Caller) -> None:
    def one(payload: int, on_conflict: str) -> dict[str, Any]:
        return {"command": "c", "payload": payload, "unique": {"key": "k", "on_conflict": on_conflict}}

    told = submit(alice, [one(0, "reject"), one(1, "return"), one(2, "replace"), one(3, "return")]).json["tasks"]
    assert [(task["status"], task["task"]["payload"]) for task in told] == [(201, 0), (200, 0), (201, 2), (200, 2)]
    assert [task["task"]["status"] for task in told] == ["cancelled", "cancelled", "queued", "queued"]
    assert [task["payload"] for task in alice.get("/v1/tasks?status=queued").json["tasks"]] == [2]
    assert submit(alice, [one(4, "reject"), one(5, "reject")]).status_code == 409


def test_a_batch_that_is_refused_takes_no_other_down(app: Flask, alice: Caller) -> None:
    alice.post("/v1/tasks", {"command": "c", "unique": {"key": "k"}})
    bad = [*tasks(5), {"command": "c", "unique": {"key": "k"}}]
    deeds = [partial(submit, Caller(app, ALICE), bad if n % 2 else tasks(6)) for n in range(10)]
    assert sorted(answer.status_code for answer in at_once(*deeds)) == [200] * 5 + [409] * 5
    assert len(stored(alice)) == 1 + 5 * 6


def test_a_waiting_worker_is_woken(app: Flask, alice: Caller) -> None:
    def claim() -> int:
        return len(Caller(app, ALICE).post("/v1/leases", {"queues": ["c"], "wait": 10}).json["leases"])

    first, second, answer = at_once(claim, claim, partial(submit, alice, tasks(2)))
    assert (first, second, answer.status_code) == (1, 1, 200)


def test_a_task_is_made_for_each_of_many_payloads(alice: Caller) -> None:
    sent = [{"command": "c", "payload": "before"}, {"command": "c", "payloads": [1, None, {"a": 2}], "tags": ["t"]}]
    told = [one["task"] for one in submit(alice, [*sent, {"command": "d"}]).json["tasks"]]
    assert [one["payload"] for one in told] == ["before", 1, None, {"a": 2}, None]
    assert [one["tags"] for one in told] == [[], ["t"], ["t"], ["t"], []]
    assert [task["id"] for task in alice.get("/v1/tasks").json["tasks"]] == sorted(
        (o["id"] for o in told), reverse=True
    )
    own = {"id", "payload", "tags", "command", "queue"}
    assert len({str({name: one[name] for name in one if name not in own}) for one in told}) == 1


def test_payloads_come_in_lines_as_well(alice: Caller) -> None:
    assert lines(alice, '{"command": "c", "payloads": [1, 2]}', '{"command": "c", "payload": 3}').status_code == 200
    assert stored(alice) == [1, 2, 3]


def test_a_payload_that_does_not_fit_is_told_by_its_place_among_the_others(alice: Caller, mia: Caller) -> None:
    mia.put("/v1/commands/c", {"payload_schema": WIDTH})
    sent = [
        {"command": "c", "payloads": [{"width": 1}]},
        {"command": "c", "payloads": [{"width": 1}, {"width": "x"}, {}]},
    ]
    refused = submit(alice, sent)
    assert (refused.status_code, stored(alice)) == (422, [])
    assert [fault["pointer"] for fault in refused.json["errors"]] == [
        "/tasks/1/payloads/1/width",
        "/tasks/1/payloads/2",
    ]
    told = submit(alice, sent, atomic=False).json["tasks"]
    assert [one["status"] for one in told] == [201, 201, 422, 422]
    assert [fault["pointer"] for fault in told[2]["problem"]["errors"]] == ["/tasks/1/payloads/1/width"]


@pytest.mark.parametrize(
    ("one", "pointer"),
    [
        ({"payloads": []}, "/tasks/0/payloads"),
        ({"payloads": {}}, "/tasks/0/payloads"),
        ({"payloads": [1], "payload": 1}, "/tasks/0/payloads"),
        ({"payloads": [1] * 1001}, "/tasks/0/payloads"),
        ({"payloads": [1] * 1000}, "/tasks"),  # and another beside it
        ({"payloads": [1, 2], "expires_at": "2020-01-01T00:00:00Z"}, "/tasks/0/expires_at"),
        ({"payloads": [1, 2], "after": [FORGED]}, "/tasks/0/after/0"),
    ],
)
@pytest.mark.parametrize("atomic", [True, False])
def test_wrong_payloads_are_refused(alice: Caller, one: dict[str, Any], pointer: str, atomic: bool) -> None:
    answer = submit(alice, [{"command": "c", **one}, {"command": "c"}], atomic=atomic)
    refused = answer if atomic or pointer == "/tasks" else None
    problem = refused.json if refused else answer.json["tasks"][0]["problem"]
    assert problem["status"] == 422
    assert [fault["pointer"] for fault in problem["errors"]] == [pointer]
    assert stored(alice) == ([] if refused else [None])


def test_only_a_batch_takes_payloads(alice: Caller) -> None:
    one = {"command": "c", "payloads": [1]}
    for path, body in (("/v1/tasks", one), ("/v1/groups", {"tasks": [one], "completion": {"command": "d"}})):
        refused = alice.post(path, body)
        assert refused.status_code == 422
        assert refused.json["errors"][0]["pointer"].endswith("/payloads")


def test_each_payload_has_keys_of_its_own(alice: Caller, mia: Caller) -> None:
    mia.put("/v1/commands/c", {"limit_key": "customer", "fairness_key": "'all'"})
    told = submit(alice, [{"command": "c", "payloads": [{"customer": "a"}, {"customer": 7}, {}]}]).json["tasks"]
    assert [(one["task"]["limit_key"], one["task"]["fairness_key"]) for one in told] == [
        ("a", "all"),
        ("7", "all"),
        (None, "all"),
    ]
    refused = submit(alice, [{"command": "c", "payloads": [{"customer": "a"}, {"customer": []}]}])
    assert [fault["pointer"] for fault in refused.json["errors"]] == ["/tasks/0/payloads/1"]


def test_a_position_counts_the_tasks_that_payloads_make(alice: Caller) -> None:
    sent = [{"command": "c", "payloads": [1, 2, 3]}, {"command": "d", "after": ["#1"]}]
    told = [one["task"] for one in submit(alice, sent).json["tasks"]]
    assert told[3]["after"] == [told[1]["id"]]


def test_of_many_payloads_with_one_key_the_first_gets_it(alice: Caller) -> None:
    sent = [{"command": "c", "payloads": [1, 2], "unique": {"key": "k"}}]
    refused = submit(alice, sent)
    assert refused.status_code == 409
    assert refused.json["detail"].startswith("/tasks/0: The task ")
    assert [one["status"] for one in submit(alice, sent, atomic=False).json["tasks"]] == [201, 409]
