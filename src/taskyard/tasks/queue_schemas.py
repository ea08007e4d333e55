"""Queues as they come in and go out."""

from marshmallow import fields

from taskyard.web.pagination import PageQuery
from taskyard.web.schema import Schema, Text, When

OLDEST = {"description": "Since when the first in line waits.", "example": "2026-11-03T09:28:00.000000Z"}
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


class TallyOut(Schema):
    """A number that is told up to 10,000."""

    count = fields.Integer(required=True, metadata={"example": 17})
    capped = fields.Boolean(required=True, metadata={"description": "There may be more.", "example": False})


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


class PurgeIn(Schema):
    """Proof that it is meant."""

    confirm = Text(required=True, metadata={"description": "The queue's name once more.", "example": "images"})


class PurgeOut(Schema):
    """What a purge has done."""

    cancelled = fields.Integer(required=True, metadata={"description": "How many tasks.", "example": 1200})
    more = fields.Boolean(
        required=True, metadata={"description": "Tasks are left in it: purge again to go on.", "example": False}
    )
