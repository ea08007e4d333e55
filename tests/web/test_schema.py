"""Bodies are loaded as marshmallow itself loads them, whichever way they take."""

from typing import Any

import marshmallow as ma
import pytest

from taskyard.outbox.schemas import EndpointPatch
from taskyard.tasks.lease_schemas import ClaimIn
from taskyard.tasks.report_schemas import ReportsIn
from taskyard.tasks.schemas import TaskIn
from taskyard.users.token_schemas import TokenIn
from taskyard.web.schema import Items, Schema


def loaded(schema: ma.Schema, by: type[ma.Schema], sent: Any) -> Any:
    try:
        return by.load(schema, sent)
    except ma.ValidationError as error:
        return error.messages


TOKEN = {"token": "t", "outcome": "succeeded"}


@pytest.mark.parametrize(
    ("schema", "sent"),
    [
        (TaskIn(), {"command": "c"}),
        (TaskIn(), {"command": "c", "payload": None, "tags": ["a"], "unique": {"key": "k", "while": ["queued"]}}),
        (TaskIn(), {"command": "c", "unique": {"key": "k", "unknown": 1}}),
        (TaskIn(), {"command": "c", "run_at": "2030-01-01T00:00:00Z", "delay_s": 1}),
        (TaskIn(), {"command": " ", "delay_s": "x", "unknown": 1}),
        (TaskIn(), {}),
        (TaskIn(), []),
        (TaskIn(), None),
        (ClaimIn(), {"queues": ["a", "b"]}),
        (ClaimIn(), {"queues": ["a", ""], "limit": 0}),
        (ReportsIn(), {"leases": [TOKEN, {**TOKEN, "result": 1}]}),
        (ReportsIn(), {"leases": [TOKEN, {**TOKEN, "retry": False}, {"token": 1}, 2]}),
        (ReportsIn(), {"leases": [{**TOKEN, "unknown": 1}, None, {**TOKEN, "outcome": "eaten", "token": "t" * 201}]}),
        (ClaimIn(unknown=ma.EXCLUDE), {"queues": ["a"], "unknown": 1}),
        (ClaimIn(unknown=ma.INCLUDE), {"queues": ["a"], "unknown": 1}),
        (TaskIn(many=True), [{"command": "c"}, {"command": "d"}]),
        (TaskIn(many=True), {"command": "c"}),
        (TaskIn(partial=True), {"tags": []}),
        (TaskIn(partial=True), {"command": "c"}),
        (EndpointPatch(), {"url": "https://example.com"}),
        (TokenIn(), {"grant_type": "password", "username": "a", "password": "b"}),
        (TokenIn(), {"grant_type": "password", "username": "a"}),
    ],
)
def test_what_is_loaded_is_what_marshmallow_loads(schema: Schema, sent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = loaded(schema, type(schema), sent)
    monkeypatch.setattr(Schema, "load", ma.Schema.load)
    monkeypatch.setattr(Items, "_deserialize", ma.fields.List._deserialize)
    assert ours == loaded(schema, type(schema), sent)


def test_defaults_are_made_anew_for_each() -> None:
    schema = TaskIn()
    schema.load({"command": "c"})["tags"].append("a")
    assert schema.load({"command": "c"})["tags"] == []
