"""Groups as they come in and go out."""

from marshmallow import fields, validate

from taskyard.queue.lifecycle import Status
from taskyard.tasks.batch_schemas import EXAMPLE, MOST, Unread
from taskyard.tasks.schemas import ON_FAILURE, STATUSES, TaskIn
from taskyard.web.fields import When
from taskyard.web.schema import Items, Schema


class CompletionIn(TaskIn):
    """The task that runs after all of a group."""

    class Meta(TaskIn.Meta):
        exclude = ("unique", "after", "on_failure")  # it is new, and waits for the group


class GroupIn(Schema):
    """New tasks, and one that runs after all of them."""

    tasks = Items(Unread(TaskIn), required=True, validate=validate.Length(1, MOST), metadata={"example": EXAMPLE})
    completion = Unread(CompletionIn, required=True, metadata={"example": {"command": "zip", "payload": {"album": 7}}})
    on_failure = fields.String(
        load_default="cancel",
        validate=ON_FAILURE,
        metadata={
            "description": "Where one of the tasks does not succeed: `cancel` the completion, or `run` it all the"
            " same, once all have ended."
        },
    )


class GroupAccepted(Schema):
    """A group that was accepted."""

    id = fields.UUID(required=True)
    task_ids = fields.List(fields.UUID(), required=True, metadata={"description": "In the order they were sent."})
    completion_id = fields.UUID(required=True)
    created_at = When(required=True)


class GroupOut(Schema):
    """How far a group is."""

    id = fields.UUID(required=True)
    owner_id = fields.UUID(required=True)
    completion_id = fields.UUID(required=True)
    completion_status = fields.String(
        required=True,
        allow_none=True,
        validate=STATUSES,
        metadata={"description": "null: it has been deleted.", "example": "scheduled"},
    )
    tasks = fields.Dict(
        keys=fields.String(validate=STATUSES),
        values=fields.Integer(),
        required=True,
        metadata={
            "description": "How many of its tasks, without the completion, have which status; none has one that is not"
            " named.",
            "example": {Status.SUCCEEDED.value: 998, Status.RUNNING.value: 2},
        },
    )
    created_at = When(required=True)
