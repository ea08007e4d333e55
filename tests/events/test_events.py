"""Events: published by their owner, and by the end of tasks where somebody listens."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, event

from support.caller import Caller
from support.people import ALICE
from support.post_office import PostOffice
from support.yard import Yard
from taskyard.core.clock import FrozenClock
from taskyard.core.db import Database
from taskyard.events import patterns
from taskyard.events.tables import event as events_table
from taskyard.events.types import ALL

Make = Callable[..., dict[str, Any]]


@pytest.fixture
def yard(database: Database) -> Yard:
    return Yard(database)


def types(office: PostOffice) -> list[str]:
    return [row.type for row in office.rows(events_table)]


def test_an_event_of_ones_own_is_kept_and_shown(alice: Caller, bob: Caller, nobody: Caller) -> None:
    made = alice.post("/v1/events", {"type": "shop.paid", "data": {"n": 1}, "key": "k"})
    assert made.status_code == 201
    path = made.headers["Location"]
    assert alice.get(path).json == made.json
    assert made.json | {"type": "shop.paid", "data": {"n": 1}, "key": "k"} == made.json
    assert bob.get(path).status_code == 404
    assert nobody.get(path).status_code == nobody.get("/v1/events").status_code == 401
    assert nobody.post("/v1/events", {"type": "shop.paid", "data": 1}).status_code == 401
    assert bob.get("/v1/events").json == {"events": []}


def test_a_repeat_with_the_same_key_is_one_event(alice: Caller) -> None:
    once = {"Idempotency-Key": "one"}
    first, second = (alice.post("/v1/events", {"type": "a.b", "data": 1}, headers=once) for _ in range(2))
    assert first.json == second.json
    assert len(alice.get("/v1/events").json["events"]) == 1


def test_the_newest_come_first_in_pages(alice: Caller, time: FrozenClock) -> None:
    for number in range(5):
        alice.post("/v1/events", {"type": "a.even" if number % 2 == 0 else "a.odd", "data": number})
        time.advance(number % 3)
    seen, path = [], "/v1/events?limit=2"
    while path:
        page = alice.get(path)
        seen += [one["data"] for one in page.json["events"]]
        path = page.headers.get("Link", "").partition(">")[0][1:]
    assert seen == [4, 3, 2, 1, 0]
    assert [one["data"] for one in alice.get("/v1/events?type=a.odd").json["events"]] == [3, 1]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"data": 1}, "/type"),
        ({"type": "paid", "data": 1}, "/type"),
        ({"type": "task.failed", "data": 1}, "/type"),
        ({"type": "endpoint.x", "data": 1}, "/type"),
        ({"type": "Shop.paid", "data": 1}, "/type"),
        ({"type": "shop.*", "data": 1}, "/type"),
        ({"type": "shop." + "x" * 100, "data": 1}, "/type"),
        ({"type": "shop.paid"}, "/data"),
        ({"type": "shop.paid", "data": "x" * 65_536}, "/data"),
        ({"type": "shop.paid", "data": "a\0b"}, "/data"),
        ({"type": "shop.paid", "data": 1, "key": " "}, "/key"),
        ({"type": "shop.paid", "data": 1, "key": "x" * 201}, "/key"),
        ({"type": "shop.paid", "data": 1, "kye": "x"}, "/kye"),
    ],
)
def test_bad_input_is_named_with_its_place(alice: Caller, body: dict[str, Any], pointer: str) -> None:
    refused = alice.post("/v1/events", body)
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json["errors"]] == [pointer]
    assert alice.get("/v1/events").json == {"events": []}


@pytest.mark.parametrize(
    ("name", "pattern", "meets"),
    [
        ("task.failed", "task.failed", True),
        ("task.failed", "task.*", True),
        ("task.failed", "*", True),
        ("task.failed", "task.fail", False),
        ("task.failed", "task.failed.*", False),
        ("tasks.failed", "task.*", False),
        ("a.b.c", "a.*", True),
        ("a.b.c", "a.b.*", True),
        ("a.b.c", "a.c.*", False),
    ],
)
def test_patterns(name: str, pattern: str, meets: bool) -> None:
    assert patterns.meets(name, pattern) is meets
    assert (pattern in patterns.of_type(name)) is meets


def test_each_way_a_task_ends_is_told_to_those_who_listen(
    office: PostOffice, yard: Yard, endpoint: Make, alice: Caller, time: FrozenClock
) -> None:
    endpoint(event_types=["task.*"])
    yard.add()
    yard.settle(*yard.claim(), result='{"ok":1}')
    yard.add(max_attempts=1)
    yard.settle(*yard.claim(), outcome="failed", error='{"message":"no"}')
    yard.add(on_lost="hold")
    yard.claim()
    time.advance(61)
    yard.reap()
    yard.cancel(yard.add())
    stopped = yard.add()
    lease = yard.claim()
    yard.cancel(stopped)
    yard.settle(*lease, outcome="failed", error="1")
    yard.add(expires_at=time.now())
    time.advance(1)
    yard.expire()
    yard.add(queue="purged")
    alice.post("/v1/queues/purged/purge")
    told = office.rows(events_table)
    assert [row.type for row in told][:6] == [
        "task.succeeded",
        "task.failed",
        "task.lost",
        "task.cancelled",
        "task.cancelled",
        "task.expired",
    ]
    office.fan_out()
    sent = {one.event["type"]: one.event for one in office.claim()}
    assert sent["task.succeeded"]["data"]["result"] == {"ok": 1}
    assert sent["task.failed"]["data"]["error"] == {"message": "no"}
    for one in ALL:
        if one.name.startswith("task."):
            assert sent[one.name]["data"].keys() == one.example.keys()


def test_a_replaced_task_is_told_as_cancelled(office: PostOffice, endpoint: Make, alice: Caller) -> None:
    endpoint(event_types=["task.cancelled"])
    for _ in range(2):
        sent = {"command": "c", "unique": {"key": "k", "on_conflict": "replace"}}
        assert alice.post("/v1/tasks", sent).status_code == 201
    assert types(office) == ["task.cancelled"]


def test_what_falls_with_its_predecessor_is_told(office: PostOffice, endpoint: Make, alice: Caller) -> None:
    endpoint(event_types=["task.cancelled"])
    first = alice.post("/v1/tasks", {"command": "c"}).json["id"]
    second = alice.post("/v1/tasks", {"command": "c", "after": [first]}).json["id"]
    alice.post(f"/v1/tasks/{first}/cancel")
    late = alice.post("/v1/tasks", {"command": "c", "after": [first]}).json["id"]
    assert [row.key for row in office.rows(events_table)] == [first, second, late]


def test_a_retry_is_no_end(office: PostOffice, yard: Yard, endpoint: Make) -> None:
    endpoint(event_types=["task.*"])
    yard.add(max_attempts=2)
    yard.settle(*yard.claim(), outcome="failed", error="1", retry_in_s=0)
    assert types(office) == []


def test_nothing_is_kept_where_nobody_listens(office: PostOffice, yard: Yard, endpoint: Make, bob: Caller) -> None:
    endpoint(event_types=["task.failed", "shop.*"])
    bob.post("/v1/endpoints", {"url": "https://example.com", "event_types": ["*"]})
    yard.add()
    yard.settle(*yard.claim())
    assert types(office) == []


def test_settling_runs_no_more_statements_where_nobody_listens(
    database: Database, yard: Yard, endpoint: Make, bob: Caller
) -> None:
    statements: list[str] = []

    def count(_connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    def settled() -> int:
        yard.add()
        leases = yard.claim()
        statements.clear()
        yard.settle(*leases)
        return len(statements)

    event.listen(database.write, "before_cursor_execute", count)
    try:
        before = settled()
        bob.post("/v1/endpoints", {"url": "https://example.com", "event_types": ["*"]})
        assert settled() == before, "somebody else's endpoint"
        endpoint(event_types=["task.failed"])
        assert settled() == before + 2, "the tasks are read, and who asked for what"
    finally:
        event.remove(database.write, "before_cursor_execute", count)


def test_an_events_owner_is_its_tasks(office: PostOffice, yard: Yard, mia: Caller) -> None:
    mia.post("/v1/endpoints", {"url": "https://example.com", "event_types": ["task.*"], "every_owner": True})
    yard.add()
    yard.settle(*yard.claim())
    assert [row.owner_id for row in office.rows(events_table)] == [ALICE.id]
    office.fan_out()
    assert len(office.claim()) == 1
