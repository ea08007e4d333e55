"""The explanation of a task as it is shown."""

from marshmallow import fields, validate

from taskyard.tasks.facts import Code
from taskyard.tasks.schemas import STATUSES
from taskyard.web.schema import Schema


class ReasonOut(Schema):
    """One reason, and what to do about it."""

    code = fields.String(
        required=True,
        validate=validate.OneOf([code.value for code in Code]),
        metadata={"description": "Stable; docs/explain.md tells of each.", "example": "queue_paused"},
    )
    detail = fields.String(
        required=True, metadata={"example": "The queue images is paused since 2026-11-03T09:30:00.000000Z."}
    )
    action = fields.String(required=True, metadata={"example": "POST /v1/queues/images/resume, with the role for it."})


class ExplanationOut(Schema):
    """Why a task does not run just now, and what happens next."""

    id = fields.UUID(required=True)
    status = fields.String(required=True, validate=STATUSES, metadata={"example": "queued"})
    reasons = fields.List(
        fields.Nested(ReasonOut), required=True, metadata={"description": "Every one, the one that decides first."}
    )
    next = fields.String(required=True, metadata={"example": "It keeps its place until the queue is resumed."})
