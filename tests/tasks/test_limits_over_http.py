"""Limits and limit keys over HTTP."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from support.caller import Caller
from taskyard.core.clock import FrozenClock
from taskyard.core.db import Database
from taskyard.core.types import instant_to_text
from taskyard.queue import parking

NO_LIMITS = {"max_running": None, "rate": None}
HUNDRED = {"count": 100, "per": "minute"}


def submit(who: Caller, **sent: Any) -> str:
    answer = who.post("/v1/tasks", {"command": "c", "queue": "q", **sent})
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def claim(who: Caller, limit: int = 10) -> list[dict[str, Any]]:
    answer = who.post("/v1/leases", {"queues": ["q"], "limit": limit})
    return list(answer.json["leases"]) if answer.status_code == 200 else []


def limit(mia: Caller, **sent: Any) -> Any:
    answer = mia.patch("/v1/queues/q", sent)
    assert answer.status_code == 200, answer.text
    return answer


def test_nobody_and_no_user_sets_limits(nobody: Caller, alice: Caller) -> None:
    paths = [("GET", ""), ("GET", "/a"), ("PUT", "/a"), ("DELETE", "/a"), ("POST", "/a/pause"), ("POST", "/a/resume")]
    for method, path in paths:
        sent: dict[str, Any] = {"json": {}} if method == "PUT" else {}
        assert nobody.request(method, f"/v1/queues/q/keys{path}", **sent).status_code == 401
        assert alice.request(method, f"/v1/queues/q/keys{path}", **sent).status_code == 403
    assert nobody.patch("/v1/queues/q", {}).status_code == 401
    assert alice.patch("/v1/queues/q", {}).status_code == 403


def test_a_queue_shows_its_limits(alice: Caller, mia: Caller) -> None:
    shown = alice.get("/v1/queues/q").json
    assert (shown["limits"], shown["key_limits"], shown["weights"]) == (NO_LIMITS, NO_LIMITS, {})
    limit(mia, limits={"max_running": 4}, key_limits={"rate": HUNDRED}, weights={"a": 2})
    shown = alice.get("/v1/queues/q").json
    assert shown["limits"] == {"max_running": 4, "rate": None}
    assert shown["key_limits"] == {"max_running": None, "rate": HUNDRED}
    assert shown["weights"] == {"a": 2}


def test_a_patch_changes_what_it_names_and_null_removes(mia: Caller) -> None:
    limit(mia, limits={"max_running": 4, "rate": HUNDRED}, weights={"a": 2, "b": 3})
    shown = limit(mia, limits={"max_running": 5}, weights={"a": None, "c": 4}).json
    assert shown["limits"] == {"max_running": 5, "rate": HUNDRED}
    assert shown["weights"] == {"b": 3, "c": 4}
    assert limit(mia, limits={"rate": None}).json["limits"] == {"max_running": 5, "rate": None}
    shown = limit(mia, limits=None, weights=None).json
    assert (shown["limits"], shown["weights"]) == (NO_LIMITS, {})


def test_a_change_can_be_made_to_depend_on_the_version(mia: Caller) -> None:
    first = mia.get("/v1/queues/q").headers["ETag"]
    second = mia.patch("/v1/queues/q", {"limits": {"max_running": 1}}, headers={"If-Match": first}).headers["ETag"]
    assert mia.patch("/v1/queues/q", {}, headers={"If-Match": first}).status_code == 412
    assert mia.patch("/v1/queues/q", {}, headers={"If-Match": second}).status_code == 200


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({"limits": {"max_running": 0}}, "/limits/max_running"),
        ({"limits": {"max_running": "4"}}, "/limits/max_running"),
        ({"limits": {"rate": {"count": 1}}}, "/limits/rate/per"),
        ({"limits": {"rate": {"count": 1, "per": "day"}}}, "/limits/rate/per"),
        ({"key_limits": {"rate": {"count": 0, "per": "hour"}}}, "/key_limits/rate/count"),
        ({"weights": {"a": 0}}, "/weights/a"),
        ({"weights": {"": 1}}, "/weights/"),
        ({"weights": {"x" * 101: 1}}, "/weights/" + "x" * 101),
        ({"weights": {str(number): 1 for number in range(1001)}}, "/weights"),
        ({"paused": True}, "/paused"),
    ],
)
def test_bad_limits_are_refused(mia: Caller, sent: dict[str, Any], pointer: str) -> None:
    answer = mia.patch("/v1/queues/q", sent)
    assert answer.status_code == 422
    assert pointer in [one["pointer"] for one in answer.json["errors"]], answer.text


def test_too_many_weights_one_after_the_other_are_refused(mia: Caller) -> None:
    limit(mia, weights={f"a{number}": 1 for number in range(600)})
    assert mia.patch("/v1/queues/q", {"weights": {f"b{number}": 1 for number in range(600)}}).status_code == 422


def test_what_cannot_be_a_queue_or_a_key_is_not_there(mia: Caller) -> None:
    assert mia.patch("/v1/queues/a b", {}).status_code == 404
    assert mia.get("/v1/queues/a b/keys").status_code == 404
    assert mia.get("/v1/queues/q/keys/" + "x" * 101).status_code == 404
    assert mia.put("/v1/queues/q/keys/%07", {}).status_code == 404


def test_a_task_shows_its_keys_and_is_held_to_its_limit(alice: Caller, mia: Caller) -> None:
    limit(mia, key_limits={"max_running": 1})
    ids = [submit(alice, limit_key="k", fairness_key="f") for _ in range(3)]
    shown = alice.get(f"/v1/tasks/{ids[0]}").json
    assert (shown["limit_key"], shown["fairness_key"]) == ("k", "f")
    [held] = claim(alice)
    assert alice.get(f"/v1/tasks/{ids[1]}").json["status"] == "queued"
    assert alice.get("/v1/queues/q").json["parked"] == {"count": 2, "capped": False}
    sent = [{"token": held["token"], "outcome": "succeeded"}]
    alice.post("/v1/leases/settle", {"leases": sent})
    assert [one["task"]["id"] for one in claim(alice)] == [ids[1]]


@pytest.mark.parametrize("key", ["k", "a/b", "a b", "é🦊", "100%", "a?b#c", "pause", "a/pauses", "..a", "a+b", "'\";"])
def test_a_key_may_hold_anything_printable(alice: Caller, mia: Caller, key: str) -> None:
    path = f"/v1/queues/q/keys/{quote(key, safe='')}"
    submit(alice, limit_key=key)
    claim(alice)
    assert mia.get(path).json["running"] == 1
    answer = mia.put(path, {"max_running": 2})
    assert (answer.status_code, answer.json["key"]) == (200, key)
    assert mia.post(f"{path}/pause").json["paused_at"] is not None
    assert [one["key"] for one in mia.get("/v1/queues/q/keys").json["keys"]] == [key]
    assert mia.post(f"{path}/resume").json["paused_at"] is None
    assert mia.delete(path).status_code == 204
    assert mia.get(path).json["own"] == NO_LIMITS


@pytest.mark.parametrize("key", ["", " ", "x" * 101, "a\n", "a\0", 7, ["a"]])
def test_a_bad_key_is_refused(alice: Caller, key: Any) -> None:
    for name in ("limit_key", "fairness_key"):
        answer = alice.post("/v1/tasks", {"command": "c", name: key})
        assert answer.status_code == 422, answer.text


def test_a_key_tells_what_becomes_of_it(alice: Caller, mia: Caller, time: FrozenClock) -> None:
    limit(mia, key_limits={"max_running": 9, "rate": {"count": 2, "per": "minute"}})
    mia.put("/v1/queues/q/keys/k", {"max_running": 5})
    for _ in range(5):
        submit(alice, limit_key="k")
    began_at = time.now()
    claim(alice)
    shown = mia.get("/v1/queues/q/keys/k").json
    rate = {"count": 2, "per": "minute"}
    assert shown == {
        "key": "k",
        "limits": {"max_running": 5, "rate": rate},
        "own": {"max_running": 5, "rate": None},
        "paused_at": None,
        "running": 2,
        "parked": {"count": 3, "capped": False},
        "rate_left": 0,
        "rate_until": instant_to_text(began_at + timedelta(seconds=60)),
    }
    time.advance(60)
    assert mia.get("/v1/queues/q/keys/k").json["rate_left"] == 2


def test_keys_come_in_pages(alice: Caller, mia: Caller) -> None:
    for key in "cab":
        mia.put(f"/v1/queues/q/keys/{key}", {"max_running": 1})
    submit(alice, limit_key="d")
    claim(alice)
    first = mia.get("/v1/queues/q/keys?limit=3")
    assert [one["key"] for one in first.json["keys"]] == ["a", "b", "c"]
    following = first.headers["Link"].partition(">")[0][1:]
    assert [one["key"] for one in mia.get(following).json["keys"]] == ["d"]


def test_a_key_has_versions(mia: Caller) -> None:
    first = mia.get("/v1/queues/q/keys/k").headers["ETag"]
    second = mia.put("/v1/queues/q/keys/k", {"max_running": 1}, headers={"If-Match": first}).headers["ETag"]
    for method, path in (("PUT", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume")):
        sent: dict[str, Any] = {"json": {}} if method == "PUT" else {}
        stale = mia.request(method, f"/v1/queues/q/keys/k{path}", **sent, headers={"If-Match": first})
        assert stale.status_code == 412
    assert mia.delete("/v1/queues/q/keys/k", headers={"If-Match": second}).status_code == 204


def test_a_paused_key_starts_nothing_until_it_is_resumed(
    alice: Caller, mia: Caller, database: Database, time: FrozenClock
) -> None:
    task_id = submit(alice, limit_key="k")
    since = mia.post("/v1/queues/q/keys/k/pause").json["paused_at"]
    time.advance(5)
    assert mia.post("/v1/queues/q/keys/k/pause").json["paused_at"] == since
    assert claim(alice) == []
    mia.post("/v1/queues/q/keys/k/resume")
    with database.write.begin() as connection:
        from_parking = parking.release(connection, time.now())
    assert from_parking == 1
    assert [one["task"]["id"] for one in claim(alice)] == [task_id]


def test_a_command_finds_the_keys_in_the_payload(alice: Caller, mia: Caller) -> None:
    sent = {"limit_key": "customer.id", "fairness_key": "join('-', [customer.plan, to_string(customer.id)])"}
    answer = mia.put("/v1/commands/c", sent)
    assert answer.status_code == 201, answer.text
    assert {name: answer.json[name] for name in sent} == sent

    def keys(**task: Any) -> tuple[Any, Any]:
        shown = alice.get(f"/v1/tasks/{submit(alice, **task)}").json
        return shown["limit_key"], shown["fairness_key"]

    payload = {"customer": {"id": 17, "plan": "gold"}}
    assert keys(payload=payload) == ("17", "gold-17")
    assert keys(payload=payload, limit_key="mine") == ("mine", "gold-17")
    assert keys(payload=payload, limit_key=None, fairness_key=None) == (None, None)
    mia.put("/v1/commands/c", {"limit_key": "customer.id", "fairness_key": "a || b"})
    assert keys(payload={"b": True}) == (None, "true")
    assert keys(payload={"customer": {"id": 1.5}}) == ("1.5", None)
    assert keys(payload={"customer": {"id": 17.0}}) == ("17", None)
    assert keys(payload=None) == (None, None)
    answer = alice.post("/v1/tasks/batch", {"tasks": [{"command": "c", "payload": payload}]})
    assert answer.json["tasks"][0]["task"]["limit_key"] == "17"


def test_an_expression_that_makes_too_much_of_a_payload_refuses_the_task(alice: Caller, mia: Caller) -> None:
    doubled = " | ".join(["[@, @]"] * 40)
    assert mia.put("/v1/commands/c", {"limit_key": f"length({doubled})"}).status_code == 201
    answer = alice.post("/v1/tasks", {"command": "c", "payload": "x"})
    assert answer.status_code == 422
    [fault] = answer.json["errors"]
    assert (fault["pointer"], "too long" in fault["detail"]) == ("/payload", True)


@pytest.mark.parametrize("found", [{"a": 1}, [1], "", " ", "x" * 101, "a\nb"])
def test_what_an_expression_finds_and_can_be_no_key_is_refused_at_submitting(
    alice: Caller, mia: Caller, found: Any
) -> None:
    mia.put("/v1/commands/c", {"limit_key": "k"})
    answer = alice.post("/v1/tasks", {"command": "c", "payload": {"k": found}})
    assert answer.status_code == 422
    [fault] = answer.json["errors"]
    assert fault["pointer"] == "/payload"
    assert "limit_key" in fault["detail"]


@pytest.mark.parametrize(
    "expression",
    [
        "a.",
        "",
        "x" * 2_001,
        "nothing(@)",
        "!" * 150 + "a",
        7,
    ],
)
def test_an_expression_that_cannot_be_used_is_refused_with_its_place(mia: Caller, expression: Any) -> None:
    answer = mia.put("/v1/commands/c", {"limit_key": expression, "fairness_key": expression})
    assert answer.status_code == 422, answer.text
    assert [one["pointer"] for one in answer.json["errors"]] == ["/limit_key", "/fairness_key"]


@pytest.mark.parametrize(
    "expression",
    ["items[?kind=='a'].id | [0]", "a[-1].b || 'none'", "not_null(a, b)", "*.id | [0]", "sort_by(@, &a)[0].id"],
)
def test_expressions_may_look_for_what_they_need(mia: Caller, expression: str) -> None:
    assert mia.put("/v1/commands/c", {"limit_key": expression}).status_code == 201


def test_a_claim_goes_on_until_it_comes_to_what_may_start(alice: Caller, mia: Caller) -> None:
    limit(mia, key_limits={"max_running": 1})
    for _ in range(2):
        many = [{"command": "c", "queue": "q", "limit_key": "a"}] * 700
        assert alice.post("/v1/tasks/batch", {"tasks": many, "atomic": True}).status_code == 200
    last = submit(alice, limit_key="b")
    assert len(claim(alice, 1)) == 1
    assert [one["task"]["id"] for one in claim(alice, 1)] == [last]
    assert claim(alice, 1) == []
    assert alice.get("/v1/queues/q").json["parked"]["count"] == 1399
