"""Workers as they are shown."""

from marshmallow import fields

from taskyard.web.fields import When
from taskyard.web.pagination import PageQuery
from taskyard.web.schema import Schema


class WorkerQuery(PageQuery):
    """Which page of workers."""


class WorkerLease(Schema):
    """A task that a worker runs."""

    task_id = fields.UUID(required=True)
    command = fields.String(required=True, metadata={"example": "resize"})
    queue = fields.String(required=True, metadata={"example": "images"})
    started_at = When(required=True, attribute="leased_at")
    beat_at = When(required=True, allow_none=True, metadata={"description": "Its last heartbeat."})
    expires_at = When(required=True)
    progress = fields.Integer(required=True, allow_none=True, metadata={"description": "Percent."})
    note = fields.String(required=True, allow_none=True)


class WorkerOut(Schema):
    """Somebody who asks for tasks."""

    id = fields.UUID(required=True)
    name = fields.String(required=True, metadata={"description": "As it calls itself.", "example": "host-1:4711"})
    holder_id = fields.UUID(required=True, metadata={"description": "The user it claims as."})
    queues = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Those it asked for lately.", "example": ["images"]},
    )
    seen_at = When(required=True, metadata={"description": "When it last asked; to 10 s or so."})
    draining_since = When(
        required=True,
        allow_none=True,
        attribute="drain_at",
        metadata={"description": "Since when it gets nothing more."},
    )
    running = fields.List(
        fields.Nested(WorkerLease),
        required=True,
        metadata={"description": "The tasks it has, the oldest first; some 1,000 a page, of each worker as many."},
    )
    running_capped = fields.Boolean(
        required=True, metadata={"description": "Whether it has more than are shown.", "example": False}
    )


class WorkerPage(Schema):
    """A page of workers, by name."""

    workers = fields.List(fields.Nested(WorkerOut), required=True)
