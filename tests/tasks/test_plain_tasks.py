"""Tasks that wait for nothing but a worker are stored without looking at each, on both databases."""

from typing import Any

import pytest

from support.caller import Caller
from taskyard.core.db import Database
from taskyard.core.shortcut import shortcut
from taskyard.tasks import storing
from taskyard.tasks.storing import store

PLAIN = {"command": "c", "payload": {}, "tags": ["a"], "limit_key": "k"}


@pytest.fixture
def looked_at(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many were stored step by step, time by time."""
    shortcut(database, store)._rests_until = 0.0
    found: list[int] = []
    in_steps = storing._enqueue

    def noted(connection: Any, items: list[Any]) -> Any:
        found.append(len(items))
        return in_steps(connection, items)

    monkeypatch.setattr(storing, "_enqueue", noted)
    return found


def test_plain_tasks_are_not_looked_at(alice: Caller, looked_at: list[int]) -> None:
    assert alice.post("/v1/tasks/batch", {"tasks": [PLAIN] * 3}).status_code == 200
    assert looked_at == []
    assert len(alice.post("/v1/leases", {"queues": ["c"], "limit": 9}).json["leases"]) == 3


@pytest.mark.parametrize(
    "more", [{"delay_s": 60}, {"fairness_key": "f"}, {"unique": {"key": "u"}}], ids=lambda more: next(iter(more))
)
def test_others_are(alice: Caller, looked_at: list[int], more: dict[str, Any]) -> None:
    assert alice.post("/v1/tasks", PLAIN | more).status_code == 201
    assert looked_at == [1]


def test_so_are_those_of_a_queue_that_is_closed_or_fair(ada: Caller, alice: Caller, looked_at: list[int]) -> None:
    assert alice.post("/v1/tasks", PLAIN | {"queue": "fair", "fairness_key": "f"}).status_code == 201
    assert ada.post("/v1/queues/closed/drain").status_code == 200
    assert alice.post("/v1/tasks", PLAIN | {"queue": "fair"}).status_code == 201
    assert alice.post("/v1/tasks", PLAIN | {"queue": "closed"}).status_code == 409
    assert looked_at == [1, 1, 1]
