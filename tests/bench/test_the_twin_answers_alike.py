"""The benchmark compares like with like: its FastAPI twins take and give what Taskyard does."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import requests
from bench.servers import ASYNC, SYNC, Contender, Server, serving

from support.caller import Caller
from support.people import ALICE, BOB, Person

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(find_spec("fastapi") is None, reason="bench/requirements-bench.txt is not installed"),
]

TASKS: list[dict[str, Any]] = [
    {"command": "resize"},
    {"command": "resize", "payload": {"width": 200}, "priority": "high", "tags": ["a", "b"], "timeout_s": 60},
    {"command": "say hello", "payload": None, "queue": "images", "delay_s": 60, "max_attempts": 3},
    {"command": "resize", "max_crashes": 1, "on_lost": "hold"},
    {"command": "resize", "run_at": "2200-01-01T00:00:00+02:00", "expires_at": "2200-01-02T00:00:00Z"},
]
FAULTS: list[dict[str, Any]] = [
    {},
    {"command": " "},
    {"command": "x" * 101},
    {"command": "a\nb"},
    {"command": "resize", "priority": "urgent"},
    {"command": "resize", "queue": "no spaces"},
    {"command": "resize", "run_at": "2200-01-01T00:00:00Z", "delay_s": 1},
    {"command": "resize", "run_at": "2200-01-01T00:00:00"},
    {"command": "resize", "delay_s": -1},
    {"command": "resize", "tags": [""]},
    {"command": "resize", "tags": ["t"] * 21},
    {"command": "resize", "max_attempts": 0},
    {"command": "resize", "timeout_s": "60"},
    {"command": "resize", "colour": "red"},
    {"command": "resize", "payload": "x" * 300_000},
]
NO_CLAIMS: list[dict[str, Any]] = [
    {},
    {"queues": []},
    {"queues": ["no spaces"]},
    {"queues": ["resize"], "limit": 0},
    {"queues": ["resize"], "limit": 1001},
    {"queues": ["resize"], "limit": "1"},
    {"queues": ["resize"], "lease_s": 0},
    {"queues": ["resize"], "worker": " "},
    {"queues": ["resize"], "colour": "red"},
]
NO_REPORTS: list[dict[str, Any]] = [
    {"outcome": "succeeded"},
    {"token": "x"},
    {"token": "x", "outcome": "done"},
    {"token": "x", "outcome": "succeeded", "retry": False},
    {"token": "x", "outcome": "failed", "retry": False, "retry_in_s": 1},
    {"token": "x", "outcome": "failed", "retry_in_s": -1},
    {"token": "x", "outcome": "failed", "colour": "red"},
]
# How an attempt may end.
ENDS: list[dict[str, Any]] = [
    {"outcome": "succeeded", "result": {"width": 200}, "log": "done\n"},
    {"outcome": "succeeded"},
    {"outcome": "failed", "error": {"type": "ValueError", "message": "no width"}},
    {"outcome": "failed", "error": "no width", "retry": False},
    {"outcome": "failed", "retry_in_s": 0},
    {"outcome": "released"},
]
# What differs from one task to the next, by its form.
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")


@pytest.fixture(params=[SYNC, ASYNC], ids=["sync", "async"])
def twin(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[Server]:
    contender: Contender = request.param
    with serving(contender, database_url, tmp_path) as server:
        yield server


def call(twin: Server, method: str, path: str, person: Person | None, json: Any = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {person.key}"} if person else {}
    return requests.request(method, twin.url(path), json=json, headers=headers, timeout=10)


def shape(task: dict[str, Any]) -> dict[str, Any]:
    """A task without what differs from one to the next."""

    def plain(value: Any) -> Any:
        if isinstance(value, str) and ID.fullmatch(value):
            return "an id"
        return "a time" if isinstance(value, str) and TIME.fullmatch(value) else value

    return {name: shape(value) if isinstance(value, dict) else plain(value) for name, value in task.items()}


def test_a_task_is_taken_and_shown_alike(twin: Server, alice: Caller) -> None:
    for sent in TASKS:
        theirs = call(twin, "POST", "/v1/tasks", ALICE, sent)
        ours = alice.post("/v1/tasks", sent)
        assert (theirs.status_code, ours.status_code) == (201, 201), sent
        assert shape(theirs.json()) == shape(ours.json), sent
        # The rows are the same too: each reads what the other has written.
        for path in (theirs.headers["Location"], ours.headers["Location"]):
            assert shape(call(twin, "GET", path, ALICE).json()) == shape(alice.get(path).json)


def test_what_taskyard_refuses_the_twin_refuses(twin: Server, alice: Caller) -> None:
    for sent in FAULTS:
        assert alice.post("/v1/tasks", sent).status_code == 422, sent
        assert call(twin, "POST", "/v1/tasks", ALICE, sent).status_code == 422, sent


def test_the_twin_lets_in_whom_taskyard_lets_in(twin: Server, alice: Caller) -> None:
    path = alice.post("/v1/tasks", {"command": "resize"}).headers["Location"]
    assert call(twin, "GET", path, ALICE).status_code == 200
    assert call(twin, "GET", path, BOB).status_code == 404
    assert call(twin, "GET", path, None).status_code == 401


def test_a_worker_finds_the_tasks_of_the_twin(twin: Server, alice: Caller) -> None:
    posted = call(twin, "POST", "/v1/tasks", ALICE, {"command": "resize"}).json()
    leases = alice.post("/v1/leases", {"queues": ["resize"], "worker": "w"}).json["leases"]
    assert [lease["task"]["id"] for lease in leases] == [posted["id"]]
    running = alice.get(f"/v1/tasks/{posted['id']}").json
    assert call(twin, "GET", f"/v1/tasks/{posted['id']}", ALICE).json() == running
    assert running["status"] == "running"


def claimed(answer: requests.Response | Any) -> list[dict[str, Any]]:
    """The leases a claim got, without their tokens' values."""
    found = answer.json() if isinstance(answer, requests.Response) else answer.json
    leases: list[dict[str, Any]] = found["leases"]
    return leases


def test_a_claim_gets_the_same_from_the_twin(twin: Server, alice: Caller) -> None:
    ids = [alice.post("/v1/tasks", {"command": "resize", "priority": p}).json["id"] for p in ("low", "high", "normal")]
    wanted = {"queues": ["resize"], "limit": 3, "worker": "w", "claim_id": "c1"}
    theirs = claimed(call(twin, "POST", "/v1/leases", ALICE, wanted))
    assert [lease["task"]["id"] for lease in theirs] == [ids[1], ids[2], ids[0]]
    # The leases of one are the leases of the other: the same claim id gets them again, and with the same tokens.
    assert claimed(call(twin, "POST", "/v1/leases", ALICE, wanted)) == theirs
    ours = claimed(alice.post("/v1/leases", wanted))
    assert sorted(map(repr, ours)) == sorted(map(repr, theirs))
    assert call(twin, "POST", "/v1/leases", ALICE, {"queues": ["resize"]}).status_code == 204


def test_attempts_end_alike(twin: Server, alice: Caller) -> None:
    for end in ENDS:
        shown = []
        for who in ("theirs", "ours"):
            path = alice.post("/v1/tasks", {"command": who, "max_attempts": 2}).headers["Location"]
            wanted = {"queues": [who], "worker": "w"}
            if who == "theirs":
                (lease,) = claimed(call(twin, "POST", "/v1/leases", ALICE, wanted))
                report = {"leases": [{"token": lease["token"], **end}] * 2}
                told = call(twin, "POST", "/v1/leases/settle", ALICE, report).json()
            else:
                (lease,) = claimed(alice.post("/v1/leases", wanted))
                told = alice.post("/v1/leases/settle", {"leases": [{"token": lease["token"], **end}] * 2}).json
            answers = [(one["status"], one["task_status"]) for one in told["leases"]]
            task = alice.get(path).json | {"command": "", "queue": ""}
            shown.append((answers, shape(task), shape(alice.get(f"{path}/attempts").json["attempts"][0])))
            # Out of the way of the next one.
            while answer := alice.post("/v1/leases", wanted).json:
                settled = {"token": answer["leases"][0]["token"], "outcome": "succeeded"}
                alice.post("/v1/leases/settle", {"leases": [settled]})
        assert shown[0] == shown[1], end


def test_what_workers_may_not_say_the_twin_refuses(twin: Server, alice: Caller) -> None:
    for path, faults in (("/v1/leases", NO_CLAIMS), ("/v1/leases/settle", [{"leases": [r]} for r in NO_REPORTS])):
        for sent in faults:
            assert alice.post(path, sent).status_code == 422, sent
            assert call(twin, "POST", path, ALICE, sent).status_code == 422, sent
    nobody = {"leases": [{"token": "x", "outcome": "succeeded"}]}
    assert call(twin, "POST", "/v1/leases/settle", ALICE, nobody).json() == alice.post("/v1/leases/settle", nobody).json
