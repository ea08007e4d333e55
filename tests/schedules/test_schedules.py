"""Schedules over HTTP: made, read, changed, paused and removed, and by whom."""

from functools import partial
from typing import Any

import pytest
from flask import Flask

from support.caller import Caller
from support.description import Described
from support.people import ALICE
from support.yard import at_once
from taskyard.core.clock import FrozenClock

DAILY = {"cron": "30 7 * * *", "time_zone": "Europe/Berlin", "task": {"command": "report"}}
PATH = "/v1/schedules/s"
HOUR = {"kind": "constant", "base_s": 5, "max_duration_s": 3600}
WIDTH = {"payload_schema": {"type": "object", "properties": {"width": {"type": "integer"}}, "required": ["width"]}}


def test_a_schedule_is_made_with_its_defaults(alice: Caller, noon: FrozenClock) -> None:
    made = alice.put(PATH, DAILY)
    assert made.status_code == 201
    assert (made.headers["Location"], made.headers["ETag"]) == (PATH, '"v1"')
    schedule = made.json
    assert schedule | DAILY == schedule | {"task": schedule["task"]} | {"task": DAILY["task"]}
    assert schedule["task"] == {"command": "report", "payload": None, "tags": []}
    assert (schedule["missed"], schedule["missed_limit"], schedule["overlap"]) == ("once", 10, "allow")
    assert schedule["owner_id"] == ALICE.id
    assert schedule["next_at"] == "2026-11-03T06:30:00.000000Z", "half past seven in Berlin"
    assert alice.get(PATH).json == schedule


def test_a_second_put_replaces_it_whole(alice: Caller, noon: FrozenClock) -> None:
    alice.put(PATH, {**DAILY, "description": "mornings", "jitter_s": 30})
    replaced = alice.put(PATH, {"cron": "@hourly", "task": {"command": "tidy", "priority": "low"}})
    assert (replaced.status_code, replaced.headers["ETag"]) == (200, '"v2"')
    assert (replaced.json["description"], replaced.json["jitter_s"], replaced.json["time_zone"]) == ("", 0, "UTC")
    assert replaced.json["next_at"] == "2026-11-02T12:00:00.000000Z"


def test_the_task_is_held_against_the_catalogue(alice: Caller, mia: Caller) -> None:
    mia.put("/v1/commands/resize", WIDTH)
    refused = alice.put(PATH, {**DAILY, "task": {"command": "resize", "payload": {"width": "wide"}}})
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json["errors"]] == ["/task/payload/width"]
    assert alice.put(PATH, {**DAILY, "task": {"command": "resize", "payload": {"width": 1}}}).status_code == 201


@pytest.mark.parametrize(
    ("change", "pointer", "sentence"),
    [
        ({"cron": "61 * * * *"}, "/cron", "minute"),
        ({"cron": "* * * *"}, "/cron", "five fields"),
        ({"cron": "@reboot"}, "/cron", "@daily"),
        ({"cron": "0 0 30 2 *"}, "/cron", "never comes"),
        ({"cron": 5}, "/cron", "string"),
        ({"cron": "* * * * *" + " " * 200}, "/cron", "200"),
        ({"time_zone": "Mars/Olympus"}, "/time_zone", "Europe/Berlin"),
        ({"task": {}}, "/task/command", "required"),
        ({"task": {"command": " "}}, "/task/command", "blank"),
        ({"task": {"command": "c", "run_at": "2030-01-01T00:00:00Z"}}, "/task/run_at", "Unknown"),
        ({"task": {"command": "c", "delay_s": 1}}, "/task/delay_s", "Unknown"),
        ({"task": {"command": "c", "max_attempts": 0}}, "/task/max_attempts", "1"),
        ({"missed": "some"}, "/missed", "skip"),
        ({"missed_limit": 101}, "/missed_limit", "100"),
        ({"overlap": "maybe"}, "/overlap", "queue"),
        ({"jitter_s": -1}, "/jitter_s", "0"),
        ({"nmae": "x"}, "/nmae", "Unknown"),
    ],
)
def test_bad_input_is_named_with_its_place(alice: Caller, change: dict[str, Any], pointer: str, sentence: str) -> None:
    refused = alice.put(PATH, DAILY | change)
    assert refused.status_code == 422
    [fault] = refused.json["errors"]
    assert fault["pointer"] == pointer
    assert sentence in fault["detail"]
    assert alice.get(PATH).status_code == 404


def test_every_fault_is_told_at_once(alice: Caller) -> None:
    refused = alice.put(PATH, {"cron": "x", "time_zone": "y", "task": {}, "jitter_s": "z"})
    pointers = {fault["pointer"] for fault in refused.json["errors"]}
    assert pointers == {"/cron", "/time_zone", "/task/command", "/jitter_s"}


@pytest.mark.parametrize("name", ["-x", "a b", "é", "a%00b", "x" * 101])
def test_a_name_has_few_characters_to_choose_from(alice: Caller, name: str) -> None:
    refused = alice.put(f"/v1/schedules/{name}", DAILY)
    assert refused.status_code == 422
    assert [fault["parameter"] for fault in refused.json["errors"]] == ["name"]
    assert alice.get(f"/v1/schedules/{name}").status_code == 404


def test_nobody_without_a_key_comes_near(nobody: Caller, alice: Caller) -> None:
    alice.put(PATH, DAILY)
    answers = [nobody.get("/v1/schedules"), nobody.put(PATH, DAILY), nobody.delete(PATH), nobody.get(f"{PATH}/next")]
    answers += [nobody.get(f"{PATH}/runs")]
    answers += [nobody.post(f"{PATH}/{deed}") for deed in ("pause", "resume", "run")]
    assert {answer.status_code for answer in answers} == {401}


def test_a_stranger_sees_nothing_and_cannot_take_the_name(alice: Caller, bob: Caller) -> None:
    alice.put(PATH, DAILY)
    answers = [bob.get(PATH), bob.get(f"{PATH}/next"), bob.delete(PATH)]
    answers += [bob.post(f"{PATH}/{deed}") for deed in ("pause", "resume", "run")]
    assert {answer.status_code for answer in answers} == {404}
    assert bob.put(PATH, DAILY).status_code == 409
    assert bob.get("/v1/schedules").json == {"schedules": []}
    assert bob.get("/v1/schedules?owner=all").status_code == 403
    assert alice.get(PATH).headers["ETag"] == '"v1"'


def test_a_moderator_changes_it_and_it_stays_its_owners(alice: Caller, mia: Caller) -> None:
    alice.put(PATH, DAILY)
    assert mia.get(PATH).status_code == 200
    assert mia.put(PATH, {**DAILY, "description": "mended"}).json["owner_id"] == ALICE.id
    assert mia.get("/v1/schedules").json == {"schedules": []}
    assert [one["name"] for one in mia.get("/v1/schedules?owner=all").json["schedules"]] == ["s"]
    assert mia.delete(PATH).status_code == 204
    assert alice.get(PATH).status_code == 404


def test_of_two_who_take_a_name_at_once_one_gets_it(alice: Caller, bob: Caller) -> None:
    for number in range(5):
        path = f"/v1/schedules/race{number}"
        answers = at_once(partial(alice.put, path, DAILY), partial(bob.put, path, DAILY))
        assert sorted(answer.status_code for answer in answers) == [201, 409]


def test_pages_go_on_by_name(alice: Caller) -> None:
    for name in ("c", "a", "b"):
        alice.put(f"/v1/schedules/{name}", DAILY)
    first = alice.get("/v1/schedules?limit=2")
    assert [one["name"] for one in first.json["schedules"]] == ["a", "b"]
    path = first.headers["Link"].partition(">")[0].removeprefix("<")
    last = alice.get(path)
    assert [one["name"] for one in last.json["schedules"]] == ["c"]
    assert "Link" not in last.headers


@pytest.mark.parametrize("deed", ["pause", "resume"])
def test_a_stale_if_match_neither_pauses_nor_resumes(alice: Caller, deed: str) -> None:
    alice.put(PATH, DAILY)
    if deed == "resume":
        alice.post(f"{PATH}/pause")
    before = alice.get(PATH)
    assert alice.post(f"{PATH}/{deed}", headers={"If-Match": '"v7"'}).status_code == 412
    assert alice.post(f"{PATH}/{deed}", headers={"If-Match": "v1"}).status_code == 422
    assert alice.get(PATH).json == before.json
    done = alice.post(f"{PATH}/{deed}", headers={"If-Match": before.headers["ETag"]})
    assert (done.json["paused_at"] is None) is (deed == "resume")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_stale_if_match_changes_nothing(alice: Caller, method: str) -> None:
    alice.put(PATH, DAILY)
    alice.put(PATH, {**DAILY, "description": "newer"})
    options = {"json": DAILY} if method == "PUT" else {}
    assert alice.request(method, PATH, headers={"If-Match": '"v1"'}, **options).status_code == 412
    assert alice.get(PATH).json["description"] == "newer"
    assert alice.request(method, PATH, headers={"If-Match": '"v2"'}, **options).status_code in {200, 204}


def test_if_none_match_makes_and_never_replaces(alice: Caller) -> None:
    headers = {"If-None-Match": "*"}
    assert alice.put(PATH, DAILY, headers=headers).status_code == 201
    assert alice.put(PATH, DAILY, headers=headers).status_code == 412
    assert alice.put("/v1/schedules/other", DAILY, headers={"If-Match": '"v1"'}).status_code == 412


def test_next_tells_due_times_in_both_clocks(alice: Caller, noon: FrozenClock) -> None:
    alice.put(PATH, {**DAILY, "cron": "30 2 28-30 3 *"})
    assert alice.get(f"{PATH}/next?count=3").json["next"] == [
        {"due_at": "2027-03-28T01:00:00.000000Z", "local": "2027-03-28T03:00:00+02:00"},  # 02:30 is left out there
        {"due_at": "2027-03-29T00:30:00.000000Z", "local": "2027-03-29T02:30:00+02:00"},
        {"due_at": "2027-03-30T00:30:00.000000Z", "local": "2027-03-30T02:30:00+02:00"},
    ]
    assert len(alice.get(f"{PATH}/next").json["next"]) == 10
    assert len(alice.get(f"{PATH}/next?count=100").json["next"]) == 100
    assert alice.get(f"{PATH}/next?count=101").status_code == 422
    assert alice.get("/v1/schedules/other/next").status_code == 404


def test_pausing_and_resuming_twice_is_as_good_as_once(alice: Caller, noon: FrozenClock) -> None:
    alice.put(PATH, DAILY)
    paused = alice.post(f"{PATH}/pause")
    assert paused.json["paused_at"] == "2026-11-02T11:59:59.000000Z"
    assert (paused.json["next_at"], paused.headers["ETag"]) == (None, '"v2"')
    noon.advance(60)
    assert alice.post(f"{PATH}/pause").json == paused.json
    assert alice.put(PATH, {**DAILY, "cron": "@daily"}).json["next_at"] is None, "it stays paused"
    resumed = alice.post(f"{PATH}/resume")
    assert (resumed.json["paused_at"], resumed.json["next_at"]) == (None, "2026-11-02T23:00:00.000000Z")
    assert alice.post(f"{PATH}/resume").json == resumed.json
    assert alice.post("/v1/schedules/other/pause").status_code == 404


def test_run_makes_the_task_now_and_once_per_key(alice: Caller, noon: FrozenClock) -> None:
    alice.put(
        PATH, {**DAILY, "task": {"command": "report", "payload": [1], "tags": ["a"], "backoff": HOUR}, "jitter_s": 60}
    )
    alice.post(f"{PATH}/pause")
    key = {"Idempotency-Key": "k"}
    run = alice.post(f"{PATH}/run", headers=key)
    assert run.status_code == 201
    assert alice.get(run.headers["Location"]).json == run.json
    assert (run.json["status"], run.json["payload"], run.json["tags"]) == ("queued", [1], ["a"])
    assert run.json["retry_until"] == "2026-11-02T12:59:59.000000Z", "an hour from now, whatever the jitter"
    assert alice.post(f"{PATH}/run", headers=key).json == run.json
    assert alice.get(PATH).json["last_task_id"] == run.json["id"]
    assert len(alice.get("/v1/tasks").json["tasks"]) == 1


def test_run_tells_when_the_task_does_not_fit_any_more(alice: Caller, mia: Caller) -> None:
    alice.put(PATH, {**DAILY, "task": {"command": "resize", "payload": {}}})
    mia.put("/v1/commands/resize", WIDTH)
    refused = alice.post(f"{PATH}/run")
    assert refused.status_code == 409
    assert "/payload" in refused.json["detail"]


def test_a_closed_queue_refuses_the_task_of_a_schedule(alice: Caller, mia: Caller) -> None:
    alice.put(PATH, {**DAILY, "task": {"command": "c", "queue": "shut"}})
    mia.post("/v1/queues/shut/drain")
    refused = alice.post(f"{PATH}/run")
    assert refused.status_code == 409
    assert "The queue shut is closed to new tasks." in refused.json["detail"]
    assert alice.get("/v1/tasks").json["tasks"] == []


def test_answers_are_as_described(app: Flask, alice: Caller, bob: Caller) -> None:
    described = Described(app)
    calls = [
        ("PUT", PATH, alice.put(PATH, DAILY)),
        ("PUT", PATH, alice.put(PATH, {**DAILY, "jitter_s": 5})),
        ("PUT", PATH, alice.put(PATH, {})),
        ("PUT", PATH, bob.put(PATH, DAILY)),
        ("GET", PATH, alice.get(PATH)),
        ("GET", PATH, bob.get(PATH)),
        ("GET", "/v1/schedules", alice.get("/v1/schedules")),
        ("GET", f"{PATH}/next", alice.get(f"{PATH}/next")),
        ("GET", f"{PATH}/runs", alice.get(f"{PATH}/runs")),
        ("POST", f"{PATH}/run", alice.post(f"{PATH}/run")),
        ("POST", f"{PATH}/pause", alice.post(f"{PATH}/pause")),
        ("POST", f"{PATH}/resume", alice.post(f"{PATH}/resume")),
        ("DELETE", PATH, alice.delete(PATH)),
    ]
    faults = {f"{method} {path}": described.faults(method, path, answer) for method, path, answer in calls}
    assert {call: found for call, found in faults.items() if found} == {}
