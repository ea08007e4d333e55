"""Events as they come in and go out."""

from typing import Any

import orjson
from marshmallow import ValidationError, fields, validate

from taskyard.events import patterns, types
from taskyard.web.fields import NotBlank, Text, When
from taskyard.web.pagination import PageQuery
from taskyard.web.schema import Schema

MOST_BYTES = 64 * 1024  # of the data
EXAMPLE = {"order": 4711, "total": "12.50"}


def a_type_of_ones_own(value: str) -> None:
    if not patterns.TYPE.fullmatch(value):
        raise ValidationError("Must be two words or more, joined by dots: a-z, 0-9, _ and - such as shop.order-paid.")
    if value.partition(".")[0] in types.OURS:
        raise ValidationError("Begins with a word of Taskyard's own events. Put a word of yours before it.")


def small(value: Any) -> None:
    if len(orjson.dumps(value)) > MOST_BYTES:
        raise ValidationError(f"Is larger than {MOST_BYTES:,} bytes. Send a reference to it instead.")


class EventIn(Schema):
    """Something that happened to you."""

    type = Text(
        required=True,
        validate=[validate.Length(max=patterns.MOST_CHARS), a_type_of_ones_own],
        metadata={
            "description": "Of your own: `<word of yours>.<what happened>`.",
            "example": "shop.order-paid",
            "pattern": r"^[a-z0-9_-]+(\.[a-z0-9_-]+)+$",
        },
    )
    data = fields.Raw(
        required=True, allow_none=True, validate=small, metadata={"description": "Any JSON.", "example": EXAMPLE}
    )
    key = Text(
        load_default=None,
        allow_none=True,
        validate=[validate.Length(max=200), NotBlank()],
        metadata={"description": "Endpoints that ask for it get events of one key in order.", "example": "order-4711"},
    )


class EventOut(Schema):
    """Something that happened."""

    id = fields.UUID(required=True)
    type = fields.String(required=True, metadata={"example": "shop.order-paid"})
    key = fields.String(required=True, allow_none=True)
    data = fields.Raw(required=True, allow_none=True, metadata={"example": EXAMPLE})
    created_at = When(required=True)


class EventPage(Schema):
    """A page of events, newest first."""

    events = fields.List(fields.Nested(EventOut), required=True)


class EventQuery(PageQuery):
    """Which events a list holds."""

    type = Text(validate=validate.Length(max=100), metadata={"description": "Only of this type."})
