"""Claim, extend and settle leases over HTTP."""

from typing import Any

import pytest
from sqlalchemy import update

from support.caller import Caller
from support.people import ALICE
from taskyard.core import transaction
from taskyard.core.clock import FrozenClock
from taskyard.core.db import Database
from taskyard.users.models import Key

FORGED = "00000000-0000-7000-8000-00000000dead." + "0" * 32


def submit(who: Caller, command: str = "c", **sent: Any) -> str:
    created: str = who.post("/v1/tasks", {"command": command, **sent}).json["id"]
    return created


def claim(who: Caller, *queues: str, **sent: Any) -> list[dict[str, Any]]:
    answer = who.post("/v1/leases", {"queues": list(queues or ("c",)), **sent})
    assert answer.status_code in {200, 204}, answer.text
    return list(answer.json["leases"]) if answer.status_code == 200 else []


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/v1/leases", {"queues": ["c"]}),
        ("/v1/leases/extend", {"leases": [{"token": FORGED}]}),
        ("/v1/leases/settle", {"leases": [{"token": FORGED, "outcome": "failed"}]}),
    ],
)
def test_nobody_works(nobody: Caller, alice: Caller, database: Database, path: str, sent: dict[str, Any]) -> None:
    assert nobody.post(path, sent).status_code == 401
    scopes(database, ["read", "write"])
    try:
        assert alice.post(path, sent).status_code == 403
    finally:
        scopes(database, list(ALICE.scopes))
    assert alice.post(path, sent).status_code in {200, 204}


def scopes(database: Database, of_alice: list[str]) -> None:
    with transaction.own(database) as connection:
        connection.execute(update(Key).where(Key.id == ALICE.key_id).values(scopes=of_alice))


def test_a_scope_may_be_limited_to_queues(alice: Caller, database: Database) -> None:
    ours = submit(alice, "ours")
    submit(alice, "theirs")
    scopes(database, ["work:ours", "work:also"])
    try:
        for queues in (["theirs"], ["ours", "theirs"], ["OURS"]):
            refused = alice.post("/v1/leases", {"queues": queues})
            assert refused.status_code == 403
        assert [one["task"]["id"] for one in claim(alice, "also", "ours")] == [ours]
    finally:
        scopes(database, list(ALICE.scopes))


def test_any_worker_takes_anybodys_task(alice: Caller, bob: Caller) -> None:
    """A queue is shared: the scope `work` says who may take from it, not the owner of the task."""
    task_id = submit(alice)
    [lease] = claim(bob)
    assert lease["task"]["id"] == task_id
    assert bob.get(f"/v1/tasks/{task_id}").status_code == 404


def test_a_claim_that_finds_nothing_has_no_body(alice: Caller) -> None:
    answer = alice.post("/v1/leases", {"queues": ["c"]})
    assert (answer.status_code, answer.data) == (204, b"")


def test_a_claim_takes_up_to_its_limit(alice: Caller) -> None:
    ids = [submit(alice) for _ in range(5)]
    assert [one["task"]["id"] for one in claim(alice, limit=3)] == ids[:3]
    assert [one["task"]["id"] for one in claim(alice, limit=100)] == ids[3:]


def test_a_queue_named_twice_is_one_queue(alice: Caller) -> None:
    submit(alice)
    assert len(claim(alice, "c", "c", limit=5)) == 1


def test_the_same_claim_id_gets_the_same_leases(alice: Caller, bob: Caller) -> None:
    for _ in range(4):
        submit(alice)
    first = claim(alice, limit=2, claim_id="mine")
    assert claim(alice, limit=2, claim_id="mine") == first
    assert {one["token"] for one in claim(bob, limit=2, claim_id="mine")}.isdisjoint(one["token"] for one in first)


def test_the_token_alone_authorises(alice: Caller, bob: Caller) -> None:
    task_id = submit(alice)
    [lease] = claim(alice)
    beat = bob.post("/v1/leases/extend", {"leases": [{"token": lease["token"]}]})
    assert beat.json["leases"][0]["status"] == "ok"
    told = bob.post("/v1/leases/settle", {"leases": [{"token": lease["token"], "outcome": "succeeded"}]})
    assert told.json["leases"][0]["status"] == "ok"
    assert alice.get(f"/v1/tasks/{task_id}").json["status"] == "succeeded"


@pytest.mark.parametrize("token", ["", "x", FORGED, "é", "{task}", "{task}.", "{task}." + "0" * 32, "{upper}"])
def test_a_forged_token_is_stale_and_changes_nothing(alice: Caller, token: str) -> None:
    task_id = submit(alice)
    [lease] = claim(alice)
    before = alice.get(f"/v1/tasks/{task_id}").json
    given = token.replace("{task}", task_id).replace("{upper}", lease["token"].upper())
    beat = alice.post("/v1/leases/extend", {"leases": [{"token": given}]})
    assert beat.json == {"leases": [{"token": given, "status": "stale"}]}
    told = alice.post("/v1/leases/settle", {"leases": [{"token": given, "outcome": "succeeded"}]})
    assert told.json == {"leases": [{"token": given, "status": "stale", "task_status": None}]}
    assert alice.get(f"/v1/tasks/{task_id}").json == before


def test_many_are_answered_each_in_its_place(alice: Caller) -> None:
    for _ in range(3):
        submit(alice, max_attempts=1)
    first, second, third = (one["token"] for one in claim(alice, limit=3))
    reports = [
        {"token": third, "outcome": "failed", "error": None},
        {"token": FORGED, "outcome": "succeeded"},
        {"token": first, "outcome": "succeeded", "result": None},
        {"token": first, "outcome": "failed"},
        {"token": second, "outcome": "released", "retry_in_s": 30},
    ]
    told = alice.post("/v1/leases/settle", {"leases": reports}).json["leases"]
    assert [(one["status"], one["task_status"]) for one in told] == [
        ("ok", "failed"),
        ("stale", None),
        ("ok", "succeeded"),
        ("stale", None),
        ("ok", "scheduled"),
    ]


def test_a_thousand_are_extended_and_settled_at_once(alice: Caller) -> None:
    submit(alice)
    [lease] = claim(alice)
    tokens = [f"00000000-0000-7000-8000-{n:012d}.{'0' * 32}" for n in range(999)] + [lease["token"]]
    beats = alice.post("/v1/leases/extend", {"leases": [{"token": token} for token in tokens]}).json["leases"]
    assert [one["status"] for one in beats] == ["stale"] * 999 + ["ok"]
    reports = [{"token": token, "outcome": "succeeded"} for token in tokens]
    told = alice.post("/v1/leases/settle", {"leases": reports}).json["leases"]
    assert [one["status"] for one in told] == ["stale"] * 999 + ["ok"]


def test_a_heartbeat_shows_how_far_it_is(alice: Caller, time: FrozenClock) -> None:
    task_id = submit(alice)
    [lease] = claim(alice, worker="host-1")
    sent = {"token": lease["token"], "lease_s": 600, "progress": 40, "note": "page 17 🦊", "log": "line\n"}
    alice.post("/v1/leases/extend", {"leases": [sent]})
    shown = alice.get(f"/v1/tasks/{task_id}").json["lease"]
    assert (shown["worker"], shown["progress"], shown["note"]) == ("host-1", 40, "page 17 🦊")
    assert shown["expires_at"] > lease["expires_at"]


@pytest.mark.parametrize("result", [None, False, 0, "é 🦊", [1, {"a": None}], {"big": "x" * 1_000_000}])
def test_any_result_is_kept(alice: Caller, result: Any) -> None:
    task_id = submit(alice)
    [lease] = claim(alice)
    report = {"token": lease["token"], "outcome": "succeeded", "result": result}
    assert alice.post("/v1/leases/settle", {"leases": [report]}).status_code == 200
    assert alice.get(f"/v1/tasks/{task_id}").json["result"] == result


def settle(who: Caller, *reports: dict[str, Any], minimal: bool = False) -> list[dict[str, Any]]:
    headers = {"Prefer": "return=minimal"} if minimal else {}
    answer = who.post("/v1/leases/settle", {"leases": list(reports)}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers.get("Preference-Applied") == ("return=minimal" if minimal else None)
    return list(answer.json["leases"])


def test_what_is_the_same_of_many_leases_is_said_once(alice: Caller) -> None:
    ids = [submit(alice) for _ in range(4)]
    tokens = [one["token"] for one in claim(alice, limit=4)]
    alike = {"tokens": tokens[:3], "outcome": "succeeded", "result": {"ok": True}, "log": "done\n"}
    told = settle(alice, alike, {"token": tokens[3], "outcome": "failed", "retry": False})
    assert [one["token"] for one in told] == tokens
    assert [one["task_status"] for one in told] == ["succeeded"] * 3 + ["failed"]
    assert [alice.get(f"/v1/tasks/{one}").json["result"] for one in ids] == [{"ok": True}] * 3 + [None]
    assert [alice.get(f"/v1/tasks/{one}/attempts").json["attempts"][0]["log"] for one in ids] == ["done\n"] * 3 + [""]


def test_the_answer_may_tell_of_those_alone_that_were_not_settled_so(alice: Caller, mia: Caller) -> None:
    mia.put("/v1/commands/sized", {"result_schema": {"type": "integer"}})
    cancelled = submit(alice, max_attempts=1)
    for command in ("c", "sized", "c"):
        submit(alice, command)
    held = {one["task"]["id"]: one for one in claim(alice, "c", "sized", limit=4)}
    alice.post(f"/v1/tasks/{cancelled}/cancel")
    tokens = [one["token"] for one in held.values()]
    told = settle(alice, {"tokens": [*tokens, FORGED], "outcome": "succeeded", "result": "x"}, minimal=True)
    assert [(one["status"], "errors" in one) for one in told] == [("ok", True), ("stale", False)]
    submit(alice)
    [again] = claim(alice)
    assert settle(alice, {"tokens": [again["token"]], "outcome": "released"}, minimal=True) == []
    assert settle(alice, {"token": again["token"], "outcome": "released"}, minimal=True)[0]["status"] == "stale"


def test_all_of_many_may_fail_alike(alice: Caller) -> None:
    ids = [submit(alice) for _ in range(3)]
    tokens = [one["token"] for one in claim(alice, limit=3)]
    told = settle(alice, {"tokens": tokens, "outcome": "failed", "error": {"message": "boom"}, "retry_in_s": 3600})
    assert [one["task_status"] for one in told] == ["scheduled"] * 3
    assert [alice.get(f"/v1/tasks/{one}").json["error"] for one in ids] == [{"message": "boom"}] * 3


def test_a_token_that_is_named_twice_counts_once(alice: Caller) -> None:
    submit(alice)
    [one] = claim(alice)
    told = settle(alice, {"tokens": [one["token"]] * 2, "outcome": "succeeded"})
    assert [one["status"] for one in told] == ["ok", "stale"]


@pytest.mark.parametrize(
    ("leases", "pointer"),
    [
        ([{"outcome": "succeeded"}], "/leases/0/token"),
        ([{"outcome": "succeeded", "token": FORGED, "tokens": [FORGED]}], "/leases/0/token"),
        ([{"outcome": "succeeded", "tokens": []}], "/leases/0/tokens"),
        ([{"outcome": "succeeded", "tokens": [FORGED, 7]}], "/leases/0/tokens/1"),
        ([{"outcome": "succeeded", "tokens": [FORGED, "x" * 201]}], "/leases/0/tokens/1"),
        ([{"outcome": "succeeded", "tokens": ["x"] * 1001}], "/leases/0/tokens"),
        ([{"outcome": "succeeded", "tokens": ["x"] * 1000}, {"outcome": "failed", "token": "x"}], "/leases"),
    ],
)
def test_reports_name_one_lease_or_a_thousand_in_all(alice: Caller, leases: list[Any], pointer: str) -> None:
    refused = alice.post("/v1/leases/settle", {"leases": leases})
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json["errors"]] == [pointer]


def test_a_result_that_is_too_large_is_told_by_the_place_of_its_report(alice: Caller) -> None:
    sent = {"tokens": [FORGED, FORGED], "outcome": "succeeded", "result": "x" * 1024 * 1024}
    refused = alice.post("/v1/leases/settle", {"leases": [sent]})
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json["errors"]] == ["/leases/0/result"]


@pytest.mark.parametrize(("said", "most"), [({"result": "x" * 20_000}, 104), ({"log": "x" * 20_000, "result": 1}, 104)])
def test_what_is_said_of_many_comes_to_no_more_than_a_body_would(
    alice: Caller, said: dict[str, Any], most: int
) -> None:
    for count in (most, most + 1):
        sent = {"tokens": [FORGED] * count, "outcome": "succeeded", **said}
        answer = alice.post("/v1/leases/settle", {"leases": [sent]})
        assert answer.status_code == (200 if count == most else 422)
    assert [fault["pointer"] for fault in answer.json["errors"]] == ["/leases/0/tokens"]
