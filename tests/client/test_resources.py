"""What the client sends, and what it makes of answers."""

import json
import math
from dataclasses import FrozenInstanceError, dataclass
from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import Any
from uuid import uuid4

import pytest

from taskyard.client.resources import Attempt, Lease, LeasedTask, Settled, encode

ATTEMPT = {
    "number": 1,
    "outcome": "failed",
    "worker": "w",
    "started_at": "2030-01-01T00:00:00.000000Z",
    "ended_at": None,
    "error": {"message": "no width"},
    "log": "",
}


class Colour(StrEnum):
    RED = "red"


class Shape(Enum):
    ROUND = "round"


@dataclass
class Point:
    x: int


@pytest.mark.parametrize(
    "value",
    [
        {"width": 200, "é": "🦊", "none": None, "deep": [[1.5, True]]},
        {1: "a key that is a number"},
        {"big": 2**70},
        [Colour.RED],
        "lone \ud800 surrogate",
        (1, 2),
    ],
)
def test_what_is_sent_is_what_the_standard_library_writes(value: Any) -> None:
    assert encode(value) == json.dumps(value, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "value", [math.nan, [None, math.inf], {"at": datetime.now(UTC)}, Point(1), {1, 2}, b"bytes", uuid4(), Shape.ROUND]
)
def test_what_is_no_json_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode(value)


def test_an_answer_is_an_object_that_cannot_be_changed() -> None:
    made = Attempt.from_json(ATTEMPT)
    assert (made.number, made.started_at, made.ended_at) == (1, datetime(2030, 1, 1, tzinfo=UTC), None)
    assert made == Attempt(**{**ATTEMPT, "started_at": made.started_at})  # type: ignore[arg-type]
    with pytest.raises(FrozenInstanceError):
        made.number = 2  # type: ignore[misc]


def test_fields_of_a_newer_server_are_passed_over_and_those_of_an_older_one_have_a_default() -> None:
    assert Attempt.from_json({**ATTEMPT, "newer": 1}) == Attempt.from_json(ATTEMPT)
    assert Settled.from_json({"token": "t", "status": "ok", "task_status": "succeeded"}).errors == []


def test_an_answer_that_is_something_else_is_an_error() -> None:
    with pytest.raises(TypeError):
        Attempt.from_json({name: ATTEMPT[name] for name in ("number", "outcome")})


def test_what_was_answered_is_left_as_it_is() -> None:
    names = ("id", "command", "command_version", "queue", "priority", "payload", "tags", "timeout_s", "max_attempts")
    found = dict.fromkeys((*names, "created_at", "group_id"))
    answer = {"task": found, "attempt": 1, "token": "t", "expires_at": "2030-01-01T00:00:00.000000Z"}
    made = Lease.from_json(answer)
    assert isinstance(made.task, LeasedTask)
    assert answer["task"] is found
    assert answer["expires_at"] == "2030-01-01T00:00:00.000000Z"
