"""Operations as they come in and go out."""

from typing import Any

import orjson
from marshmallow import ValidationError, fields, post_dump, validate, validates_schema

from taskyard.tasks.schemas import MAX_PAYLOAD, STATUSES, fingerprint_field, owner_field, queue_field
from taskyard.web.fields import Flag, Text, When
from taskyard.web.pagination import PageQuery
from taskyard.web.schema import Schema

ACTIONS = validate.OneOf(["retry", "cancel", "delete", "move"])
MOST_LISTED = 1000  # bytes of a patch in a list
STATES = validate.OneOf(["running", "paused", "done", "cancelled"])


class OperationFilter(Schema):
    """Which tasks an operation is about: those that meet all of it."""

    status = fields.String(validate=STATUSES, metadata={"example": "failed"})
    command = Text(metadata={"example": "resize"})
    queue = Text()
    tag = Text()
    fingerprint = fingerprint_field()
    owner = owner_field()
    created_from = When(metadata={"description": "Created at this moment or later."})
    created_until = When(metadata={"description": "Created before this moment."})

    @validates_schema
    def not_everything(self, data: dict[str, Any], **_: Any) -> None:
        if not set(data) - {"owner"}:
            raise ValidationError(
                "An operation needs a filter, as without one it is about every task there is. Name at least one of:"
                " status, command, queue, tag, fingerprint, created_from, created_until."
            )


class OperationIn(Schema):
    """A deed on all tasks that a filter finds."""

    action = fields.String(required=True, validate=ACTIONS, metadata={"example": "retry"})
    filter = fields.Nested(OperationFilter, required=True)
    patch = fields.Raw(
        allow_none=True,
        metadata={
            "description": "With retry: a merge patch (RFC 7396) of each payload, checked against its command's schema."
        },
    )
    queue = queue_field(metadata={"description": "With move: where to. Waiting tasks can be moved."})
    dry_run = Flag(load_default=False, metadata={"description": "Only tell what it would find; nothing is changed."})

    @validates_schema
    def arguments_of_the_action(self, data: dict[str, Any], **_: Any) -> None:
        action = data.get("action")
        if "patch" in data and action != "retry":
            raise ValidationError("Only a retry takes a patch.", "patch")
        if "patch" in data and len(orjson.dumps(data["patch"])) > MAX_PAYLOAD:
            raise ValidationError(f"Larger than {MAX_PAYLOAD // 1024} KiB, as no payload may be.", "patch")
        if action == "move" and "queue" not in data:
            raise ValidationError("Say where to move them.", "queue")
        if "queue" in data and action != "move":
            raise ValidationError("Only a move takes a queue; to choose tasks by theirs, use filter.queue.", "queue")


class TaskFault(Schema):
    """Why a task was left as it was."""

    task_id = fields.UUID(required=True)
    errors = fields.List(
        fields.Dict(), required=True, metadata={"example": [{"detail": "It has ended already.", "pointer": ""}]}
    )


class OperationOut(Schema):
    """A deed on many tasks, and how far it is."""

    id = fields.UUID(required=True)
    owner_id = fields.UUID(required=True)
    action = fields.String(required=True, validate=ACTIONS, metadata={"example": "retry"})
    filter = fields.Dict(required=True, metadata={"example": {"command": "resize", "status": "failed"}})
    arguments = fields.Dict(
        required=True,
        metadata={"description": "The `patch` of a retry, the `queue` of a move.", "example": {"patch": {"width": 1}}},
    )
    state = fields.String(required=True, validate=STATES, metadata={"example": "running"})
    matched = fields.Integer(
        required=True, metadata={"description": "Tasks found so far; changed and refused together.", "example": 120}
    )
    changed = fields.Integer(required=True, metadata={"example": 118})
    refused = fields.Integer(
        required=True, metadata={"description": "Left as they were: their state or payload forbids it.", "example": 2}
    )
    faults = fields.List(
        fields.Nested(TaskFault), required=True, metadata={"description": "Of the first 20 that were refused."}
    )
    created_at = When(required=True)
    updated_at = When(required=True)
    finished_at = When(required=True, allow_none=True)


class DryRunOut(Schema):
    """What an operation would find. Nothing has been changed."""

    matched = fields.Integer(
        required=True, metadata={"description": "That the filter finds; counted up to 10,000.", "example": 120}
    )
    capped = fields.Boolean(required=True, metadata={"description": "Whether there are more.", "example": False})
    refused = fields.Integer(
        required=True,
        metadata={
            "description": "Of those, how many it would leave as they are: their state forbids it.",
            "example": 2,
        },
    )
    sample = fields.List(fields.UUID(), required=True, metadata={"description": "The newest 20 of them."})
    checked = fields.Integer(
        required=True,
        metadata={
            "description": "Payloads tried with the patch: the newest that are not refused, 100 or fewer.",
            "example": 100,
        },
    )
    misfits = fields.Integer(required=True, metadata={"description": "Of those, how many would not fit.", "example": 1})
    faults = fields.List(fields.Nested(TaskFault), required=True, metadata={"description": "Of the first 20 misfits."})


class OperationLine(OperationOut):
    """An operation in a list: without its patch, where that is long."""

    shortened = fields.Boolean(
        required=True, metadata={"description": "Whether its patch is left out here.", "example": False}
    )

    @post_dump
    def short(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        arguments = data["arguments"]
        if len(orjson.dumps(arguments.get("patch"))) <= MOST_LISTED:
            return {**data, "shortened": False}
        rest = {name: value for name, value in arguments.items() if name != "patch"}
        return {**data, "arguments": rest, "shortened": True}


class OperationPage(Schema):
    """A page of operations, newest first; patches of more than 1,000 bytes are left out."""

    operations = fields.List(fields.Nested(OperationLine), required=True)


class OperationQuery(PageQuery):
    """Which operations a list holds."""

    state = fields.String(validate=STATES)
    owner = owner_field()
