"""Deliveries and replays as they come in and go out."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from taskyard.outbox.schemas import event_types, filter_field
from taskyard.outbox.tables import Kind, Status
from taskyard.web.fields import Number, Text, When
from taskyard.web.pagination import PageQuery
from taskyard.web.schema import Schema

STATUSES = validate.OneOf([status.value for status in Status])
STATES = validate.OneOf(["running", "paused", "done", "cancelled"])
ERROR = {"description": "The class of what went wrong: `timeout`, `dns`, `http_500` …"}


class DeliveryOut(Schema):
    """One event on its way to one endpoint."""

    id = fields.UUID(required=True)
    event_id = fields.UUID(required=True, metadata={"description": "Sent as `webhook-id`, at every try the same."})
    event_type = fields.String(required=True, metadata={"example": "task.failed"})
    endpoint_id = fields.UUID(required=True)
    status = fields.String(required=True, validate=STATUSES, metadata={"example": "delivered"})
    lane = fields.String(
        required=True, validate=validate.OneOf([kind.name.lower() for kind in Kind]), metadata={"example": "first"}
    )
    due_at = When(required=True, metadata={"description": "Of the next try."})
    tries = fields.Integer(required=True, metadata={"example": 1})
    error = fields.String(required=True, allow_none=True, metadata=ERROR)
    created_at = When(required=True)
    deadline_at = When(required=True, metadata={"description": "No try begins after it."})
    finished_at = When(required=True, allow_none=True)


class TryOut(Schema):
    """One try of a delivery, and what came of it."""

    number = fields.Integer(required=True, metadata={"example": 1})
    started_at = When(required=True)
    status = fields.Integer(required=True, allow_none=True, metadata={"description": "Of the answer.", "example": 200})
    error = fields.String(required=True, allow_none=True, metadata=ERROR)
    charged = fields.Boolean(required=True, metadata={"description": "Whether it counts against the schedule."})
    phases = fields.Dict(
        required=True,
        metadata={"description": "Milliseconds.", "example": {"connect": 12.5, "first_byte": 80.1, "total": 81.0}},
    )
    headers = fields.List(
        fields.List(fields.String()), required=True, metadata={"example": [["Content-Type", "text/plain"]]}
    )
    body = fields.String(
        required=True, metadata={"description": "The beginning of the answer, 16 KiB at most.", "example": "OK"}
    )
    signed_with = fields.List(fields.UUID(), required=True, metadata={"description": "The secrets that signed it."})


class DeliveryWhole(DeliveryOut):
    """A delivery with each of its tries."""

    attempts = fields.List(fields.Nested(TryOut), required=True)


class DeliveryPage(Schema):
    """A page of deliveries, newest first."""

    deliveries = fields.List(fields.Nested(DeliveryOut), required=True)


class DeliveryQuery(PageQuery):
    """Which deliveries a list holds."""

    status = fields.String(validate=STATUSES)
    event_type = Text(validate=validate.Length(max=100))


class ReplayIn(Schema):
    """Which events to deliver once more."""

    since = When(required=True, metadata={"description": "Events from this moment on."})
    until = When(metadata={"description": "And before this one; now, if it is left out."})
    which = fields.String(
        load_default="undelivered",
        validate=validate.OneOf(["undelivered", "all"]),
        metadata={"description": "What was not delivered, or all of it once more."},
    )
    event_types = event_types(
        load_default=None, allow_none=True, metadata={"description": "Of those the endpoint asks for, only these."}
    )
    filter = filter_field()
    rate_per_s = Number(
        load_default=100.0,
        validate=validate.Range(0.1, 200),
        metadata={"description": "Events looked at a second.", "example": 100},
    )

    @validates_schema
    def in_order(self, data: dict[str, Any], **_: Any) -> None:
        if "until" in data and data["until"] <= data["since"]:
            raise ValidationError("Must be later than `since`.", "until")


class ReplayOut(Schema):
    """A replay and how far it is."""

    id = fields.UUID(required=True)
    endpoint_id = fields.UUID(required=True)
    since = When(required=True)
    until = When(required=True)
    which = fields.String(required=True, metadata={"example": "undelivered"})
    event_types = fields.List(fields.String(), required=True, allow_none=True)
    filter = fields.String(required=True, allow_none=True)
    rate_per_s = fields.Float(required=True, metadata={"example": 100})
    state = fields.String(required=True, validate=STATES, metadata={"example": "running"})
    seen = fields.Integer(required=True, metadata={"description": "Events looked at so far.", "example": 500})
    replayed = fields.Integer(required=True, metadata={"description": "Of those, that go out again.", "example": 120})
    after_at = When(required=True, allow_none=True, metadata={"description": "How far it has come."})
    created_at = When(required=True)
    updated_at = When(required=True)
    finished_at = When(required=True, allow_none=True)


class ReplayPage(Schema):
    """A page of replays, newest first."""

    replays = fields.List(fields.Nested(ReplayOut), required=True)
