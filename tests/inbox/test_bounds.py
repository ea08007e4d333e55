"""What is kept is bounded: rejected requests per source, all of them by their age."""

import pytest

from support.caller import Caller
from support.github import GITHUB, Hook
from taskyard.core import transaction
from taskyard.core.clock import FrozenClock
from taskyard.core.db import Database
from taskyard.dispatcher.duties import all_duties
from taskyard.inbox import rejections
from taskyard.inbox.bucket import Buckets

DAY = 86_400


def run(database: Database, name: str, keep_requests_s: int = 0) -> int:
    [duty] = [one for one in all_duties(idempotency_s=60, keep_requests_s=keep_requests_s) if one.name == name]
    with transaction.own(database) as connection:
        return duty.run(connection)


def listed(alice: Caller, query: str = "") -> list[str]:
    return [one["id"] for one in alice.get(f"/v1/requests?limit=200&{query}").json["requests"]]


def test_a_flood_of_rejected_requests_is_answered_and_not_all_written(
    alice: Caller, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejections, "PER_S", 0.0001)  # so that none comes back while this runs
    alice.put("/v1/sources/github", GITHUB)
    for _ in range(rejections.BURST + 30):
        assert hook.send(secret="wrong").status_code == 401
    assert len(listed(alice)) == rejections.BURST


def test_of_rejected_requests_the_newest_are_kept(alice: Caller, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejections, "BEYOND", rejections.beyond(most=3, most_bytes=1000))
    alice.put("/v1/sources/github", GITHUB)
    alice.put("/v1/sources/other", GITHUB)
    taken = hook.send().json["id"]
    hook.send(secret="wrong", path="/hooks/other")
    for size in (10, 10, 10, 10, 10):
        hook.send(b"x" * size, secret="wrong")
    assert len(listed(alice, "verdict=rejected&source=github")) == 3
    hook.send(b"x" * 985, secret="wrong")
    assert len(listed(alice, "verdict=rejected&source=github")) == 2, "985 and 10 bytes"
    hook.send(b"x" * 2000, secret="wrong")
    assert len(listed(alice, "verdict=rejected&source=github")) == 1, "the newest in any case"
    assert len(listed(alice, "verdict=rejected&source=other")) == 1
    assert listed(alice, "verdict=routed") == [taken]


def test_requests_are_removed_after_a_time_and_their_tasks_stay(
    alice: Caller, hook: Hook, database: Database, time: FrozenClock
) -> None:
    alice.put("/v1/sources/github", GITHUB)
    old = hook.send().json["id"]
    hook.send(secret="wrong")
    time.advance(DAY)
    new = hook.send().json["id"]
    assert run(database, "remove-requests") == 0, "0 keeps them for ever"
    time.advance(DAY / 2)
    assert run(database, "remove-requests", DAY) == 2
    assert listed(alice) == [new]
    assert alice.get(f"/v1/requests/{old}").status_code == 404
    assert len(alice.get("/v1/tasks").json["tasks"]) == 2


def test_a_key_counts_for_the_window_and_no_longer(
    alice: Caller, hook: Hook, database: Database, time: FrozenClock
) -> None:
    alice.put("/v1/sources/github", {**GITHUB, "dedupe": {"window_s": 60}})
    first = hook.send(delivery="d").json["id"]
    time.advance(59)
    assert hook.send(delivery="d").json["id"] == first
    assert run(database, "forget-repeats") == 0
    time.advance(1)
    second = hook.send(delivery="d").json["id"]
    assert second != first, "60 s after the first"
    time.advance(59)
    assert hook.send(delivery="d").json["id"] == second
    time.advance(1)
    assert run(database, "forget-repeats") == 1
    assert run(database, "forget-repeats") == 0


def test_without_a_window_every_request_is_new(alice: Caller, hook: Hook) -> None:
    alice.put("/v1/sources/github", {**GITHUB, "dedupe": {"window_s": 0}})
    assert len({hook.send(delivery="d").json["id"] for _ in range(2)}) == 2


def test_the_key_is_what_the_source_says(alice: Caller, hook: Hook) -> None:
    alice.put("/v1/sources/github", {**GITHUB, "dedupe": {"key": "body.id"}})
    ids = [hook.send({"id": given}).json["id"] for given in (1, "1", "x" * 300, "x" * 300, "x" * 301, None, None)]
    assert ids[0] == ids[1]
    assert ids[2] == ids[3]
    assert len(set(ids)) == 5


def test_tokens_come_back_evenly() -> None:
    buckets = Buckets()
    assert [buckets.take("a", 2, 1000) for _ in range(2)] == [0, 0]
    assert 499 < buckets.take("a", 2, 1000) <= 500, "half of 1000 s for one of two"
    assert buckets.take("b", 2, 1000) == 0
