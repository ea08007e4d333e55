"""One deed on all tasks that a filter finds."""

import re
from typing import Any

import pytest
from flask import Flask

from support.caller import Caller
from support.commands import WIDTH
from support.description import Described
from support.operations import FAILED, dispatch, fail, progress, start, submit
from support.people import BOB
from taskyard.core import transaction
from taskyard.core.clock import FrozenClock
from taskyard.dispatcher.duties import all_duties
from taskyard.tasks import operation_slices, operations

NOBODYS_ID = "00000000-0000-7000-8000-00000000dead"


def statuses(who: Caller, query: str = "") -> list[str]:
    return sorted(task["status"] for task in who.get(f"/v1/tasks?{query}").json["tasks"])


def test_failed_tasks_are_retried(app: Flask, alice: Caller) -> None:
    fail(alice, 3)
    fail(alice, command="d", queue="d")
    path = start(alice, "retry", FAILED)
    assert statuses(alice) == ["failed"] * 4, "nothing is done yet"
    dispatch(app)
    assert progress(alice, path) == ("done", 3, 3, 0)
    assert statuses(alice) == ["failed", "queued", "queued", "queued"]
    assert alice.get(path).json["finished_at"]
    assert len(alice.post("/v1/leases", {"queues": ["c"], "limit": 9}).json["leases"]) == 3


def test_by_fingerprint(app: Flask, alice: Caller) -> None:
    fail(alice, 2)
    [group] = alice.get("/v1/dead").json["groups"]
    path = start(alice, "retry", {"fingerprint": group["fingerprint"]})
    dispatch(app)
    assert progress(alice, path) == ("done", 2, 2, 0)
    assert alice.get("/v1/dead").json["groups"] == []


def test_waiting_and_running_tasks_are_cancelled_and_ended_ones_refused(app: Flask, alice: Caller) -> None:
    [ended] = fail(alice)
    submit(alice)
    alice.post("/v1/leases", {"queues": ["c"]})
    submit(alice)
    submit(alice, delay_s=60)
    path = start(alice, "cancel", {"command": "c"})
    dispatch(app)
    assert progress(alice, path) == ("done", 4, 3, 1)
    assert statuses(alice) == ["cancelled", "cancelled", "failed", "running"]
    assert alice.get(path).json["faults"] == [{"task_id": ended, "errors": [{"detail": "It has ended already."}]}]


def test_ended_tasks_are_deleted(app: Flask, alice: Caller) -> None:
    fail(alice, 2, tags=["old"])
    path = start(alice, "delete", {"tag": "old"})
    dispatch(app)
    assert progress(alice, path) == ("done", 2, 2, 0)
    assert statuses(alice) == []


def test_nothing_is_moved_to_a_closed_queue(app: Flask, alice: Caller, mia: Caller) -> None:
    submit(alice)
    mia.post("/v1/queues/shut/drain")
    path = start(alice, "move", {"queue": "c"}, queue="shut")
    dispatch(app)
    assert progress(alice, path) == ("done", 1, 0, 1)
    assert [task["queue"] for task in alice.get("/v1/tasks").json["tasks"]] == ["c"]


def test_waiting_tasks_are_moved(app: Flask, alice: Caller) -> None:
    first, later = submit(alice), submit(alice, delay_s=60)
    path = start(alice, "move", {"queue": "c"}, queue="other")
    dispatch(app)
    assert progress(alice, path) == ("done", 2, 2, 0)
    assert {task["id"] for task in alice.get("/v1/tasks?queue=other").json["tasks"]} == {first, later}
    assert alice.post("/v1/leases", {"queues": ["c"]}).status_code == 204
    [lease] = alice.post("/v1/leases", {"queues": ["other"], "limit": 9}).json["leases"]
    assert lease["task"]["id"] == first


def test_a_patch_mends_payloads_that_then_fit(app: Flask, alice: Caller, mia: Caller) -> None:
    [good] = fail(alice, payload={"width": "200", "old": 1})
    [bad] = fail(alice, payload={"width": 1, "height": 0})
    mia.put("/v1/commands/c", {"payload_schema": {**WIDTH, "properties": {**WIDTH["properties"], "height": False}}})
    patch = {"width": 300, "old": None}

    sent = {"action": "retry", "filter": FAILED, "patch": patch, "dry_run": True}
    tried = alice.post("/v1/operations", sent)
    assert tried.status_code == 200
    assert Described(app).faults("POST", "/v1/operations", tried) == []
    assert {name: tried.json[name] for name in ("matched", "capped", "refused", "sample", "checked", "misfits")} == {
        "matched": 2,
        "capped": False,
        "refused": 0,
        "sample": [bad, good],
        "checked": 2,
        "misfits": 1,
    }
    assert [fault["task_id"] for fault in tried.json["faults"]] == [bad]
    assert statuses(alice) == ["failed", "failed"]
    assert alice.get("/v1/operations").json["operations"] == []

    path = start(alice, "retry", FAILED, patch=patch)
    dispatch(app)
    assert progress(alice, path) == ("done", 2, 1, 1)
    [fault] = alice.get(path).json["faults"]
    assert fault["task_id"] == bad
    assert fault["errors"][0]["pointer"] == "/payload/height"
    mended = alice.get(f"/v1/tasks/{good}").json
    assert (mended["status"], mended["payload"], mended["command_version"]) == ("queued", {"width": 300}, 1)
    assert alice.get(f"/v1/tasks/{bad}").json["payload"] == {"width": 1, "height": 0}


def test_a_dry_run_counts_no_further_than_it_must(alice: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "COUNTED", 2)
    fail(alice, 3)
    tried = alice.post("/v1/operations", {"action": "delete", "filter": FAILED, "dry_run": True}).json
    assert (tried["matched"], tried["capped"]) == (2, True)


@pytest.mark.parametrize(
    ("action", "more", "refused"),
    [
        ("retry", {}, 3),
        ("retry", {"patch": {"width": 300}}, 3),
        ("cancel", {}, 2),
        ("delete", {}, 2),
        ("move", {"queue": "other"}, 3),
        ("move", {"queue": "shut"}, 4),
    ],
)
def test_a_dry_run_tells_how_many_would_be_refused(
    app: Flask, alice: Caller, mia: Caller, action: str, more: dict[str, Any], refused: int
) -> None:
    fail(alice)
    submit(alice)
    report = {"outcome": "succeeded"}
    [lease] = alice.post("/v1/leases", {"queues": ["c"]}).json["leases"]
    alice.post("/v1/leases/settle", {"leases": [{**report, "token": lease["token"]}]})
    submit(alice)
    alice.post("/v1/leases", {"queues": ["c"]})
    submit(alice)
    assert sorted(statuses(alice)) == ["failed", "queued", "running", "succeeded"]
    mia.post("/v1/queues/shut/drain")
    sent = {"action": action, "filter": {"command": "c"}, **more}
    tried = alice.post("/v1/operations", {**sent, "dry_run": True}).json
    assert (tried["matched"], tried["refused"]) == (4, refused)
    if "patch" in more:
        assert tried["checked"] == 1
    path = alice.post("/v1/operations", sent).headers["Location"]
    dispatch(app)
    assert progress(alice, path) == ("done", 4, 4 - refused, refused)


def test_tasks_made_later_are_left_alone(app: Flask, alice: Caller) -> None:
    submit(alice)
    path = start(alice, "cancel", {"command": "c"})
    submit(alice)
    dispatch(app)
    assert progress(alice, path) == ("done", 1, 1, 0)
    assert statuses(alice) == ["cancelled", "queued"]


def test_the_time_of_creation_bounds_it(app: Flask, alice: Caller, time: FrozenClock) -> None:
    submit(alice)
    time.advance(60)
    moment = time.now().isoformat()
    submit(alice)
    start(alice, "cancel", {"created_until": moment})
    dispatch(app)
    assert statuses(alice, f"created_from={moment.replace('+00:00', 'Z')}") == ["queued"]
    assert statuses(alice) == ["cancelled", "queued"]


def test_users_act_on_their_own_tasks_and_moderators_on_all(
    app: Flask, nobody: Caller, alice: Caller, bob: Caller, mia: Caller
) -> None:
    submit(alice)
    submit(bob)
    whole = {"action": "cancel", "filter": {"command": "c", "owner": "all"}}
    assert nobody.post("/v1/operations", whole).status_code == 401
    assert alice.post("/v1/operations", whole).status_code == 403
    assert alice.post("/v1/operations", {**whole, "dry_run": True}).status_code == 403
    start(alice, "cancel", {"command": "c"})
    dispatch(app)
    assert statuses(bob) == ["queued"]
    start(mia, "cancel", {"command": "c", "owner": BOB.id})
    dispatch(app)
    assert statuses(bob) == ["cancelled"]


def test_operations_of_others_are_not_there(nobody: Caller, alice: Caller, bob: Caller, mia: Caller) -> None:
    path = start(alice, "cancel", {"command": "c"})
    for method, deed in (("GET", ""), ("POST", "/pause"), ("POST", "/resume"), ("POST", "/cancel")):
        assert nobody.request(method, path + deed).status_code == 401
        assert bob.request(method, path + deed).status_code == 404
        assert alice.request(method, f"/v1/operations/{NOBODYS_ID}{deed}").status_code == 404
    assert bob.get("/v1/operations").json["operations"] == []
    assert bob.get("/v1/operations?owner=all").status_code == 403
    assert [one["id"] for one in mia.get("/v1/operations?owner=all").json["operations"]] == [path.split("/")[-1]]


def test_a_long_patch_is_left_out_of_a_list(alice: Caller) -> None:
    short, long = {"width": 200}, {"text": "x" * 1000}
    paths = [start(alice, "retry", FAILED, patch=patch) for patch in (short, long)]
    assert [one["arguments"] for one in alice.get("/v1/operations").json["operations"]] == [{}, {"patch": short}]
    assert [alice.get(path).json["arguments"]["patch"] for path in paths] == [short, long]


def test_operations_are_listed_newest_first(alice: Caller) -> None:
    paths = [start(alice, "cancel", {"command": "c"}) for _ in range(3)]
    alice.post(f"{paths[1]}/cancel")
    first = alice.get("/v1/operations?limit=2")
    link = re.fullmatch(r'<(.+)>; rel="next"', first.headers["Link"])
    assert link
    listed = first.json["operations"] + alice.get(link[1]).json["operations"]
    assert [f"/v1/operations/{one['id']}" for one in listed] == paths[::-1]
    running = alice.get("/v1/operations?state=running").json["operations"]
    assert [f"/v1/operations/{one['id']}" for one in running] == [paths[2], paths[0]]


def test_an_operation_is_paused_resumed_and_cancelled(
    app: Flask, alice: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operation_slices, "SLICE", 2)
    for _ in range(6):
        submit(alice)
    path = start(alice, "cancel", {"command": "c"})
    dispatch(app, slices=1)
    assert progress(alice, path) == ("running", 2, 2, 0)
    for _ in range(2):
        assert alice.post(f"{path}/pause").json["state"] == "paused"
    assert dispatch(app) == 0
    assert alice.post(f"{path}/resume").json["state"] == "running"
    dispatch(app, slices=1)
    assert progress(alice, path) == ("running", 4, 4, 0)
    for _ in range(2):
        assert alice.post(f"{path}/cancel").json["state"] == "cancelled"
    assert dispatch(app) == 0
    for deed in ("pause", "resume"):
        refused = alice.post(f"{path}/{deed}")
        assert refused.status_code == 409
        assert "cancelled" in refused.json["detail"]
    assert statuses(alice) == ["cancelled"] * 4 + ["queued"] * 2


def test_what_is_done_stays_done(app: Flask, alice: Caller) -> None:
    path = start(alice, "cancel", {"command": "c"})
    dispatch(app)
    for deed in ("pause", "resume", "cancel"):
        assert alice.post(f"{path}/{deed}").status_code == 409


def test_only_so_many_faults_are_kept(app: Flask, alice: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operation_slices, "FAULTS", 2)
    for _ in range(3):
        submit(alice)
    path = start(alice, "delete", {"command": "c"})
    dispatch(app)
    assert progress(alice, path) == ("done", 3, 0, 3)
    assert len(alice.get(path).json["faults"]) == 2


def test_a_repeat_starts_no_second_operation(alice: Caller) -> None:
    sent = {"action": "cancel", "filter": {"command": "c"}}
    first, second = (alice.post("/v1/operations", sent, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert first.json == second.json
    assert (second.status_code, second.headers["Location"]) == (202, first.headers["Location"])
    assert len(alice.get("/v1/operations").json["operations"]) == 1


@pytest.mark.parametrize(
    ("sent", "where"),
    [
        ({"action": "cancel"}, "/filter"),
        ({"action": "cancel", "filter": {}}, "/filter"),
        ({"action": "cancel", "filter": {"owner": "me"}}, "/filter"),
        ({"action": "cancel", "filter": None}, "/filter"),
        ({"action": "run", "filter": FAILED}, "/action"),
        ({"filter": FAILED}, "/action"),
        ({"action": "cancel", "filter": {"state": "x", "tag": "t"}}, "/filter/state"),
        ({"action": "cancel", "filter": {"status": "dead"}}, "/filter/status"),
        ({"action": "cancel", "filter": {"tag": "a\0"}}, "/filter/tag"),
        ({"action": "cancel", "filter": {"created_from": "today"}}, "/filter/created_from"),
        ({"action": "cancel", "filter": FAILED, "patch": {}}, "/patch"),
        ({"action": "cancel", "filter": FAILED, "queue": "q"}, "/queue"),
        ({"action": "move", "filter": FAILED}, "/queue"),
        ({"action": "move", "filter": FAILED, "queue": "a b"}, "/queue"),
        ({"action": "retry", "filter": FAILED, "dry_run": "perhaps"}, "/dry_run"),
        ({"action": "retry", "filter": FAILED, "dry_run": "off"}, "/dry_run"),
    ],
)
def test_bad_input(alice: Caller, sent: dict[str, Any], where: str) -> None:
    answer = alice.post("/v1/operations", sent)
    assert answer.status_code == 422
    assert where in [fault["pointer"] for fault in answer.json["errors"]]


def test_an_empty_filter_is_refused_in_words(alice: Caller) -> None:
    answer = alice.post("/v1/operations", {"action": "delete", "filter": {}})
    assert "every task there is" in answer.json["errors"][0]["detail"]


def test_an_operation_is_forgotten_a_month_after_its_end(app: Flask, alice: Caller, time: FrozenClock) -> None:
    ended, open_ = start(alice, "retry", FAILED), start(alice, "retry", FAILED)
    alice.post(f"{open_}/pause")
    dispatch(app)
    time.advance(30 * 86_400 - 1)
    assert forgotten(app) == 0
    time.advance(2)
    assert forgotten(app) == 1
    assert (alice.get(ended).status_code, alice.get(open_).json["state"]) == (404, "paused")


def forgotten(app: Flask) -> int:
    [duty] = [duty for duty in all_duties(idempotency_s=86_400) if duty.name == "forget-operations"]
    with transaction.own(app.extensions["taskyard.database"]) as connection:
        return duty.run(connection)
