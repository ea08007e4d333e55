"""Limits, weights and limit keys as they come in and go out."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate

from taskyard.commands.keys import MAX_KEY
from taskyard.queue.limits import MOST_RUNNING
from taskyard.queue.window import PER
from taskyard.web.fields import NotBlank, Printable, Text, When
from taskyard.web.pagination import PageQuery
from taskyard.web.schema import Schema

MOST_STARTS = 1_000_000
MAX_WEIGHT = 1000


def max_running_field(**kwargs: Any) -> fields.Field[Any]:
    return fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(1, MOST_RUNNING),
        metadata={"description": "How many may run at once.", "example": 4},
        **kwargs,
    )


def weight_field() -> fields.Field[Any]:
    return fields.Integer(strict=True, allow_none=True, validate=validate.Range(1, MAX_WEIGHT))


class Weights(fields.Dict):
    """Faults name the fairness key that they are of, as the body does."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        try:
            return super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]
        except ValidationError as error:
            if not isinstance(error.messages, dict):
                raise
            found = {key: [one for told in its.values() for one in told] for key, its in error.messages.items()}
            raise ValidationError(found) from error


def weights_field(values: fields.Field[Any], **kwargs: Any) -> fields.Field[Any]:
    return Weights(
        keys=Text(validate=validate.And(NotBlank(), validate.Length(1, MAX_KEY), Printable())),
        values=values,
        metadata={
            "description": "Fairness keys and how much of the queue they get; others weigh 1.",
            "example": {"customer-17": 4},
        },
        **kwargs,
    )


class Rate(Schema):
    """At most `count` starts in any such time."""

    count = fields.Integer(
        strict=True, required=True, validate=validate.Range(1, MOST_STARTS), metadata={"example": 100}
    )
    per = fields.String(required=True, validate=validate.OneOf(list(PER)), metadata={"example": "minute"})


class LimitsPatch(Schema):
    """Limits to be changed; a rate is replaced as a whole."""

    max_running = max_running_field()
    rate = fields.Nested(Rate, allow_none=True)


class LimitsIn(Schema):
    """The limits of a key; where there are none, those hold that its queue has for each key."""

    max_running = max_running_field(load_default=None)
    rate = fields.Nested(Rate, allow_none=True, load_default=None)


class LimitsOut(Schema):
    """Limits; null: there is no such one."""

    max_running = fields.Integer(required=True, allow_none=True, metadata={"example": 4})
    rate = fields.Nested(Rate, required=True, allow_none=True)


class TallyOut(Schema):
    """A number that is told up to 10,000."""

    count = fields.Integer(required=True, metadata={"example": 17})
    capped = fields.Boolean(required=True, metadata={"description": "There may be more.", "example": False})


class LimitKeyOut(Schema):
    """A limit key of a queue, and what becomes of it just now."""

    key = fields.String(required=True, metadata={"example": "customer-17"})
    limits = fields.Nested(LimitsOut, required=True, metadata={"description": "Those in force."})
    own = fields.Nested(LimitsOut, required=True, metadata={"description": "Those that were set of this key."})
    paused_at = When(required=True, allow_none=True, metadata={"description": "Since when nothing of it starts."})
    running = fields.Integer(required=True, metadata={"example": 4})
    parked = fields.Nested(TallyOut, required=True, metadata={"description": "Tasks that wait for it."})
    rate_left = fields.Integer(
        required=True, allow_none=True, metadata={"description": "How many its rate lets start now.", "example": 0}
    )
    rate_until = When(required=True, allow_none=True, metadata={"description": "When its rate lets one start again."})


class LimitKeyPage(Schema):
    """A page of limit keys, by name."""

    keys = fields.List(fields.Nested(LimitKeyOut), required=True)


class LimitKeyQuery(PageQuery):
    """Which page of limit keys."""
