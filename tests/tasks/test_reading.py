"""GET /v1/tasks, GET /v1/tasks/{id} and its attempts."""

import re
from typing import Any

import pytest

from support.caller import Caller
from support.description import Described
from support.people import ALICE, BOB
from taskyard.core.clock import FrozenClock
from taskyard.tasks import service

NOBODYS_ID = "00000000-0000-7000-8000-00000000dead"


def submit(who: Caller, **sent: Any) -> str:
    created: str = who.post("/v1/tasks", {"command": "c", **sent}).json["id"]
    return created


def listed(who: Caller, query: str = "") -> list[str]:
    answer = who.get(f"/v1/tasks?{query}")
    assert answer.status_code == 200, answer.text
    return [task["id"] for task in answer.json["tasks"]]


@pytest.mark.parametrize("path", ["/v1/tasks", f"/v1/tasks/{NOBODYS_ID}", f"/v1/tasks/{NOBODYS_ID}/attempts"])
def test_nobody_reads_anything(nobody: Caller, path: str) -> None:
    assert nobody.get(path).status_code == 401


def test_a_stranger_sees_no_task_and_a_moderator_every_task(alice: Caller, bob: Caller, mia: Caller) -> None:
    task_id = submit(alice)
    for path in (f"/v1/tasks/{task_id}", f"/v1/tasks/{task_id}/attempts"):
        assert alice.get(path).status_code == 200
        assert bob.get(path).status_code == 404
        assert mia.get(path).status_code == 200
    assert bob.get(f"/v1/tasks/{task_id}").json["detail"] == bob.get(f"/v1/tasks/{NOBODYS_ID}").json["detail"]
    assert alice.get(f"/v1/tasks/{task_id.upper()}").json["id"] == task_id


def test_whose_tasks_a_list_holds(alice: Caller, bob: Caller, mia: Caller) -> None:
    hers, his = submit(alice), submit(bob)
    assert listed(alice) == listed(alice, "owner=me") == listed(alice, f"owner={ALICE.id.upper()}") == [hers]
    assert listed(mia, "owner=all") == [his, hers]
    assert listed(mia, f"owner={BOB.id}") == [his]
    assert listed(mia) == []
    assert alice.get("/v1/tasks?owner=all").status_code == 403
    assert alice.get(f"/v1/tasks?owner={BOB.id}").status_code == 403


def test_filters_are_met_together(alice: Caller, time: FrozenClock) -> None:
    first = submit(alice, tags=["red"])
    time.advance(60)
    moment = time.now().isoformat().replace("+00:00", "Z")
    second = submit(alice, queue="other", tags=["red", "blue"])
    third = submit(alice, command="d é", delay_s=9)
    assert listed(alice) == [third, second, first]
    assert listed(alice, "command=c") == [second, first]
    assert listed(alice, "command=d+%C3%A9") == [third]
    assert listed(alice, "queue=other") == [second]
    assert listed(alice, "tag=red") == [second, first]
    assert listed(alice, "tag=red&queue=c") == [first]
    assert listed(alice, "tag=green") == []
    assert listed(alice, "status=scheduled") == [third]
    assert listed(alice, "status=queued&tag=blue") == [second]
    assert listed(alice, f"created_from={moment}") == [third, second]
    assert listed(alice, f"created_until={moment}") == [first]


def test_pages_hold_every_task_once_also_while_new_ones_come(alice: Caller) -> None:
    ids = [submit(alice, tags=["t"]) for _ in range(7)]
    seen: list[str] = []
    path: str | None = "/v1/tasks?limit=3&tag=t"
    while path:
        answer = alice.get(path)
        seen += [task["id"] for task in answer.json["tasks"]]
        submit(alice, tags=["t"])
        link = re.fullmatch(r'<(.+)>; rel="next"', answer.headers.get("Link", ""))
        path = link[1] if link else None
    assert seen == ids[::-1]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_only_a_page_with_more_behind_it_has_a_link(alice: Caller, count: int) -> None:
    for _ in range(count):
        submit(alice)
    assert ("Link" in alice.get("/v1/tasks?limit=3").headers) == (count > 3)


def test_a_cursor_holds_for_its_list_alone(alice: Caller, mia: Caller) -> None:
    for _ in range(3):
        submit(alice, tags=["t"])
    link = alice.get("/v1/tasks?limit=1&tag=t").headers["Link"]
    path = link[1 : link.index(">")]
    assert alice.get(path).status_code == 200
    assert alice.get(path.replace("limit=1", "limit=2")).status_code == 200
    for other in (path.replace("tag=t", "tag=u"), path.replace("tag=t&", ""), path + "&owner=all"):
        assert mia.get(other).status_code == 422
    assert mia.get(path.replace("/v1/tasks", "/v1/users")).status_code != 500


def attempts_by_pages(who: Caller, path: str) -> list[list[int]]:
    pages = []
    while path:
        answer = who.get(path)
        assert Described(who.app).faults("GET", path.partition("?")[0], answer) == []
        pages.append([one["number"] for one in answer.json["attempts"]])
        path = answer.headers.get("Link", "").partition(">")[0].lstrip("<")
    return pages


def test_attempts_with_long_logs_come_in_shorter_pages(alice: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_CHARS", 1000)
    task_id = submit(alice)
    for _ in range(12):
        [lease] = alice.post("/v1/leases", {"queues": ["c"]}).json["leases"]
        report = {"token": lease["token"], "outcome": "released", "log": "x" * 300, "error": "y" * 100}
        alice.post("/v1/leases/settle", {"leases": [report]})
    alice.post("/v1/leases", {"queues": ["c"]})
    pages = attempts_by_pages(alice, f"/v1/tasks/{task_id}/attempts")
    assert pages == [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12, 13]]


def test_attempts_are_listed_first_to_last_with_the_one_under_way(alice: Caller) -> None:
    task_id = submit(alice)
    path = f"/v1/tasks/{task_id}/attempts"
    assert alice.get(path).json == {"attempts": []}
    for _ in range(2):
        [lease] = alice.post("/v1/leases", {"queues": ["c"], "worker": "w"}).json["leases"]
        report = {"token": lease["token"], "outcome": "failed", "error": {"é": 1}, "retry_in_s": 0, "log": "🦊"}
        alice.post("/v1/leases/settle", {"leases": [report]})
    [lease] = alice.post("/v1/leases", {"queues": ["c"], "worker": "w"}).json["leases"]
    attempts = alice.get(path).json["attempts"]
    assert [(one["number"], one["outcome"], one["error"], one["log"]) for one in attempts] == [
        (1, "failed", {"é": 1}, "🦊"),
        (2, "failed", {"é": 1}, "🦊"),
        (3, "running", None, ""),
    ]
    assert attempts[2]["ended_at"] is None
    assert attempts_by_pages(alice, f"{path}?limit=2") == [[1, 2], [3]]
    assert alice.get(f"/v1/tasks/{task_id}").json["lease"]["worker"] == "w"
