"""Queues as they come in and go out."""

from marshmallow import fields, validate

from taskyard.tasks.limit_schemas import LimitsOut, LimitsPatch, TallyOut, weight_field, weights_field
from taskyard.web.fields import Text, When
from taskyard.web.pagination import PageQuery
from taskyard.web.schema import Schema

OLDEST = {"description": "Since when its oldest queued task waits.", "example": "2026-11-03T09:28:00.000000Z"}
WARNING = {
    "description": "What is wrong with it, in a sentence.",
    "example": "Work waits, and no worker has asked for this queue in the last minute.",
}


class QueueQuery(PageQuery):
    """Which page of queues."""


class QueueLine(Schema):
    """A queue, and whether it moves."""

    name = fields.String(required=True, metadata={"example": "images"})
    paused_at = When(required=True, allow_none=True, metadata={"description": "Since when workers get nothing of it."})
    closed_at = When(required=True, allow_none=True, metadata={"description": "Since when it takes no new tasks."})
    oldest_ready_at = When(required=True, allow_none=True, metadata=OLDEST)
    age_s = fields.Float(
        required=True, allow_none=True, metadata={"description": "The same in seconds.", "example": 120.0}
    )
    last_asked_at = When(
        required=True, allow_none=True, metadata={"description": "When a worker last asked for it; to 10 s or so."}
    )
    warning = fields.String(required=True, allow_none=True, metadata=WARNING)


class QueuePage(Schema):
    """A page of queues, by name."""

    queues = fields.List(fields.Nested(QueueLine), required=True)


class DepthOut(Schema):
    """Tasks that wait for a worker, by priority."""

    high = fields.Nested(TallyOut, required=True)
    normal = fields.Nested(TallyOut, required=True)
    low = fields.Nested(TallyOut, required=True)


class QueueOut(QueueLine):
    """A queue, with how much is in it."""

    depth = fields.Nested(DepthOut, required=True)
    scheduled = fields.Nested(TallyOut, required=True, metadata={"description": "Tasks that wait for their time."})
    running = fields.Nested(TallyOut, required=True, metadata={"description": "Tasks that a worker has."})
    parked = fields.Nested(TallyOut, required=True, metadata={"description": "Tasks over the limit of their key."})
    limits = fields.Nested(LimitsOut, required=True, metadata={"description": "Of the queue as a whole."})
    key_limits = fields.Nested(
        LimitsOut, required=True, metadata={"description": "Of each limit key that has none of its own."}
    )
    weights = weights_field(fields.Integer(), required=True)


class QueuePatch(Schema):
    """Limits and weights to be changed (RFC 7396): null removes one, what is left out stays."""

    limits = fields.Nested(LimitsPatch, allow_none=True, metadata={"description": "Of the queue as a whole."})
    key_limits = fields.Nested(
        LimitsPatch, allow_none=True, metadata={"description": "Of each limit key that has none of its own."}
    )
    weights = weights_field(weight_field(), allow_none=True, validate=validate.Length(max=1000))


class PurgeIn(Schema):
    """Proof that it is meant."""

    confirm = Text(required=True, metadata={"description": "The queue's name once more.", "example": "images"})


class PurgeOut(Schema):
    """What a purge has done."""

    cancelled = fields.Integer(required=True, metadata={"description": "How many tasks.", "example": 1200})
    more = fields.Boolean(
        required=True, metadata={"description": "Tasks are left in it: purge again to go on.", "example": False}
    )
