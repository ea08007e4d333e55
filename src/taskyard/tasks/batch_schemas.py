"""Many tasks at once, as they come in and go out."""

from typing import Any

from marshmallow import ValidationError, fields, missing, validate, validates_schema

from taskyard.tasks.schemas import TaskIn, TaskOut
from taskyard.web.fields import Flag
from taskyard.web.schema import Items, Problem, Schema

MOST = 1000
EXAMPLE = [{"command": "resize", "payload": {"width": 200}}, {"command": "resize", "payload": {"width": 400}}]
# Told in words: a second kind of body is more than generators of clients understand.
LINES = "Or with the Content-Type application/x-ndjson: a task in each line."


class Unread(fields.Nested):
    """Documented as what it holds, and passed on as it was sent: each is loaded by itself, so that one may fail."""

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **_: Any) -> Any:
        if value is missing and self.required:
            raise self.make_error("required")
        return value


class TasksIn(TaskIn):
    """A new task, or as many as there are payloads."""

    payloads = Items(
        fields.Raw(allow_none=True),
        validate=validate.Length(1, MOST),
        metadata={
            "description": "Instead of `payload`: a task for each, all of them as is said here.",
            "example": [{"width": 200}, {"width": 400}],
        },
    )

    @validates_schema
    def one_kind_of_payload(self, data: dict[str, Any], **_: Any) -> None:
        if "payloads" in data and data["payload"] is not None:
            raise ValidationError("Give either payload or payloads.", "payloads")


TASKS = TasksIn()


class BatchIn(Schema):
    """New tasks."""

    lines = "tasks"  # what the lines of a body of NDJSON are

    tasks = Items(Unread(TasksIn), required=True, validate=validate.Length(1, MOST), metadata={"example": EXAMPLE})
    atomic = Flag(metadata={"description": "All or none of them; false: each for itself. By default true."})


class BatchQuery(Schema):
    """What a body of NDJSON has no place for."""

    atomic = fields.Boolean(
        truthy={"true"},
        falsy={"false"},
        load_default=True,
        metadata={"description": "For NDJSON: all or none of the tasks (true), or each for itself (false)."},
    )


class SubmittedOut(Schema):
    """What became of one of them: accepted where the status is 201 (or 200: the task with its unique key)."""

    status = fields.Integer(required=True, metadata={"example": 201})
    id = fields.UUID(metadata={"description": "The task's, where it was accepted."})
    task = fields.Nested(TaskOut, metadata={"description": "Unless `return=minimal` is preferred."})
    problem = fields.Nested(
        Problem, required=True, allow_none=True, metadata={"description": "Why it was not accepted, where it was not."}
    )


class BatchOut(Schema):
    """What became of each, in their order."""

    tasks = fields.List(fields.Nested(SubmittedOut), required=True)
