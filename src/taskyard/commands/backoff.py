"""The backoff of a command or a task, as it is sent and shown."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from taskyard.web.fields import Number
from taskyard.web.schema import Items, Schema

MAX_DELAY_S = 366 * 86_400
LIST = "list"
GROWS = ("base_s", "cap_s")  # what the other kinds take
EXAMPLE = {"kind": "exponential", "base_s": 5, "cap_s": 600, "jitter": 0.1, "max_duration_s": 86_400}


class Backoff(Schema):
    """How long a failed task waits before its next attempt: growing from base_s, or the delays of a list in turn."""

    kind = fields.String(
        required=True,
        validate=validate.OneOf(["constant", "linear", "exponential", LIST]),
        metadata={
            "description": "base_s each time, base_s more each time, twice as long each time, or delays_s in turn."
        },
    )
    base_s = Number(
        validate=validate.Range(0, MAX_DELAY_S), metadata={"description": "Of every kind but list.", "example": 5}
    )
    cap_s = Number(
        validate=validate.Range(0, MAX_DELAY_S),
        metadata={
            "description": "The longest wait of every kind but list, jitter apart; by default an hour, or base_s where"
            " that is longer.",
            "example": 600,
        },
    )
    delays_s = Items(
        Number(validate=validate.Range(0, MAX_DELAY_S)),
        validate=validate.Length(1, 100),
        metadata={"description": "Of the kind list: a wait for each failure; the last one goes on.", "example": [5]},
    )
    jitter = Number(
        validate=validate.Range(0, 1),
        metadata={
            "description": "The part of a wait by which it may be longer or shorter, so that what failed together does"
            " not come back together; by default 0.1.",
            "example": 0.1,
        },
    )
    max_duration_s = Number(
        validate=validate.Range(0, MAX_DELAY_S),
        metadata={
            "description": "No retry is due later than this after the moment the task could first run: it fails"
            " instead. By default there is no such moment.",
            "example": 86_400,
        },
    )

    @validates_schema
    def of_its_kind(self, data: dict[str, Any], **_: Any) -> None:
        listed = data.get("kind") == LIST
        faults = {name: f"Has no meaning for the kind {data.get('kind')}." for name in _foreign(listed) if name in data}
        wanted = "delays_s" if listed else "base_s"
        if wanted not in data:
            faults[wanted] = "Missing data for required field."
        if faults:
            raise ValidationError({name: [sentence] for name, sentence in faults.items()})


def _foreign(listed: bool) -> tuple[str, ...]:
    return GROWS if listed else ("delays_s",)


def backoff_field(**kwargs: Any) -> fields.Field[Any]:
    meaning = "How long it waits after a failure. By default exponential from 5 s up to an hour."
    return fields.Nested(Backoff, allow_none=True, metadata={"description": meaning, "example": EXAMPLE}, **kwargs)
