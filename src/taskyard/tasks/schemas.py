"""Tasks as they come in and go out."""

import re
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from taskyard.commands.backoff import Backoff, backoff_field
from taskyard.commands.keys import MAX_KEY
from taskyard.commands.schemas import ON_LOST
from taskyard.queue.lifecycle import LANES, Status
from taskyard.tasks.unique_schemas import UniqueIn
from taskyard.web.fields import NotBlank, Number, Printable, Text, When, Whole
from taskyard.web.pagination import PageQuery
from taskyard.web.schema import Items, Schema

NAME = re.compile(r"[^\x00-\x1f\x7f]{1,100}")
QUEUE = validate.Regexp(
    r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}\Z", error="Letters, digits and . _ : - only, 100 characters at most."
)
TAG = validate.And(NotBlank(), validate.Length(max=100))
PREDECESSOR = validate.Regexp(
    r"(#[0-9]{1,3}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\Z",
    error="Must be a task's id or, in a batch or a group, the position of a task before it, such as #0.",
)
ON_FAILURE = validate.OneOf(["cancel", "run"])
AFTER_EXAMPLE = ["01936b2e-7c4b-7d9a-9c3e-2f6d8a1b5e70"]
PRIORITY = validate.OneOf(list(LANES))
STATUSES = validate.OneOf([status.value for status in Status])
UNIQUE_EXAMPLE = {"key": "invoice-4711", "on_conflict": "return"}
MAX_PAYLOAD = 256 * 1024  # bytes of JSON
MAX_DELAY_S = 366 * 86_400
MAX_TIMEOUT_S = 7 * 86_400


def command_field(**kwargs: Any) -> fields.Field[Any]:
    return Text(
        validate=[NotBlank(), validate.Length(max=100), validate.Regexp(r"[^\x00-\x1f\x7f]*\Z")],
        metadata={"description": "What the task does: its type.", "example": "resize"},
        **kwargs,
    )


def queue_field(**kwargs: Any) -> fields.Field[Any]:
    return Text(validate=QUEUE, metadata={"example": "images", **kwargs.pop("metadata", {})}, **kwargs)


def tags_field(**kwargs: Any) -> fields.Field[Any]:
    return Items(Text(validate=TAG), validate=validate.Length(max=20), metadata={"example": ["customer-17"]}, **kwargs)


def owner_field() -> fields.Field[Any]:
    return fields.String(
        load_default="me",
        metadata={"description": "`me`, `all` (moderators and admins) or a user's id."},
        validate=validate.Regexp(
            r"(me|all|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\Z", error="Must be me, all or a user's id."
        ),
    )


def fingerprint_field() -> fields.Field[Any]:
    return fields.String(
        validate=validate.Regexp(r"[0-9a-f]{16}\Z", error="Must be 16 hex digits, as /v1/dead shows them."),
        metadata={"description": "Of the error that a dead task ended with.", "example": "5f2b8c1d9e3a7046"},
    )


class Predecessor(Text):
    """Ids are the same in capitals."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return super()._deserialize(value, attr, data, **kwargs).lower()


def key_field(what: str, **kwargs: Any) -> fields.Field[Any]:
    return Text(
        allow_none=True,
        validate=validate.And(NotBlank(), validate.Length(1, MAX_KEY), Printable()),
        metadata={"description": what, "example": "customer-17"},
        **kwargs,
    )


class TaskIn(Schema):
    """A new task."""

    command = command_field(required=True)
    payload = fields.Raw(
        allow_none=True,
        load_default=None,
        metadata={"description": "Any JSON, 256 KiB at most.", "example": {"width": 200}},
    )
    priority = fields.String(validate=PRIORITY, metadata={"example": "high"})
    queue = queue_field(metadata={"description": "By default the command's, which is the queue of its name."})
    run_at = When(metadata={"description": "Not before this moment."})
    delay_s = Number(
        validate=validate.Range(0, MAX_DELAY_S), metadata={"description": "The same as a delay in seconds."}
    )
    expires_at = When(metadata={"description": "No longer worth starting from this moment on."})
    tags = tags_field(load_default=list)
    max_attempts = fields.Integer(strict=True, validate=validate.Range(1, 1000), metadata={"example": 5})
    timeout_s = fields.Integer(
        strict=True,
        validate=validate.Range(1, MAX_TIMEOUT_S),
        metadata={"description": "How long one attempt may take.", "example": 60},
    )
    max_crashes = fields.Integer(
        strict=True,
        validate=validate.Range(1, 1000),
        metadata={"description": "Lost workers after which it fails; by default the command's, else 3."},
    )
    backoff = fields.Nested(
        Backoff, metadata={"description": "How long it waits after a failure; by default as its command says."}
    )
    on_lost = fields.String(
        validate=ON_LOST, metadata={"description": "What happens when its worker is lost; by default the command's."}
    )

    unique = fields.Nested(
        UniqueIn, metadata={"description": "Of the tasks with the same key, one at a time.", "example": UNIQUE_EXAMPLE}
    )
    after = Items(
        Predecessor(validate=PREDECESSOR),
        validate=validate.Length(1, 100),
        metadata={
            "description": "Tasks of yours that must succeed first, by id; in a batch or a group also by position,"
            " such as `#0`, where they stand before it.",
        },
    )
    on_failure = fields.String(
        validate=ON_FAILURE,
        metadata={
            "description": "Where one of those does not succeed: `cancel` this one (the default), or `run` it all the"
            " same, once all have ended."
        },
    )

    limit_key = key_field("What counts together against a limit; by default as its command says.")
    fairness_key = key_field("Whose share of its queue it takes; by default as its command says.")

    @validates_schema
    def one_time(self, data: dict[str, Any], **_: Any) -> None:
        if "run_at" in data and "delay_s" in data:
            raise ValidationError("Give either run_at or delay_s.", "delay_s")

    @validates_schema
    def failure_of_what(self, data: dict[str, Any], **_: Any) -> None:
        if "on_failure" in data and "after" not in data:
            raise ValidationError("Goes with after alone.", "on_failure")


class CommandTaskIn(TaskIn):
    """A new task of the command in the path."""

    class Meta(TaskIn.Meta):
        exclude = ("command",)


class TaskPatch(Schema):
    """What can be changed of a task that has not started."""

    priority = fields.String(validate=PRIORITY)
    run_at = When()
    payload = fields.Raw(allow_none=True)
    tags = tags_field()


class LeaseInfo(Schema):
    """The attempt under way."""

    worker = fields.String(required=True)
    started_at = When(required=True)
    expires_at = When(required=True)
    progress = fields.Integer(required=True, allow_none=True, metadata={"description": "Percent."})
    note = fields.String(required=True, allow_none=True)
    cancel_requested_at = When(required=True, allow_none=True)


class TaskOut(Schema):
    """A task."""

    id = fields.UUID(required=True)
    command = fields.String(required=True, metadata={"example": "resize"})
    command_version = fields.Integer(
        required=True, allow_none=True, metadata={"description": "The schemas it was checked against."}
    )
    queue = fields.String(required=True, metadata={"example": "images"})
    priority = fields.String(required=True, validate=PRIORITY)
    status = fields.String(required=True, validate=STATUSES, metadata={"example": "queued"})
    payload = fields.Raw(required=True, allow_none=True, metadata={"example": {"width": 200}})
    tags = fields.List(fields.String(), required=True, metadata={"example": ["customer-17"]})
    owner_id = fields.UUID(required=True)
    created_at = When(required=True)
    run_at = When(required=True)
    expires_at = When(required=True, allow_none=True)
    finished_at = When(required=True, allow_none=True)
    timeout_s = fields.Integer(required=True, metadata={"example": 60})
    max_attempts = fields.Integer(required=True, metadata={"example": 5})
    max_crashes = fields.Integer(required=True, allow_none=True, metadata={"example": 3})
    backoff = backoff_field(required=True)
    retry_until = When(
        required=True, allow_none=True, metadata={"description": "No retry is due later; from max_duration_s."}
    )
    on_lost = fields.String(required=True, validate=ON_LOST, metadata={"example": "retry"})
    unique_key = fields.String(required=True, allow_none=True, metadata={"example": "invoice-4711"})
    after = fields.List(
        fields.UUID(),
        required=True,
        metadata={"description": "The tasks that had to succeed before it.", "example": AFTER_EXAMPLE},
    )
    on_failure = fields.String(required=True, allow_none=True, validate=ON_FAILURE, metadata={"example": "cancel"})
    group_id = fields.UUID(required=True, allow_none=True)
    schedule = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The schedule that made it.", "example": "nightly-report"},
    )
    limit_key = fields.String(required=True, allow_none=True, metadata={"example": "customer-17"})
    fairness_key = fields.String(required=True, allow_none=True, metadata={"example": "customer-17"})
    attempts = fields.Integer(required=True, metadata={"description": "Times it was started.", "example": 0})
    failures = fields.Integer(
        required=True, metadata={"description": "Attempts that count against max_attempts.", "example": 0}
    )
    crashes = fields.Integer(required=True, metadata={"description": "Attempts whose worker was lost.", "example": 0})
    result = fields.Raw(required=True, allow_none=True)
    error = fields.Raw(required=True, allow_none=True, metadata={"description": "Of the last attempt that failed."})
    lease = fields.Nested(LeaseInfo, required=True, allow_none=True)


class TaskPage(Schema):
    """A page of tasks, newest first."""

    tasks = fields.List(fields.Nested(TaskOut), required=True)


class TaskQuery(PageQuery):
    """Which tasks a list holds."""

    status = fields.String(validate=STATUSES)
    command = Text()
    queue = Text()
    tag = Text()
    fingerprint = fingerprint_field()
    group = fields.UUID(metadata={"description": "Tasks of this group."})
    schedule = Text(metadata={"description": "Tasks that this schedule made."})
    owner = owner_field()
    created_from = When(metadata={"description": "Created at this moment or later."})
    created_until = When(metadata={"description": "Created before this moment."})


class AttemptOut(Schema):
    """One run of a task."""

    number = fields.Integer(required=True)
    outcome = fields.String(
        required=True,
        validate=validate.OneOf(["running", "succeeded", "failed", "released", "cancelled", "lost"]),
        metadata={"example": "succeeded"},
    )
    worker = fields.String(required=True, metadata={"example": "host-1:4711"})
    started_at = When(required=True)
    ended_at = When(required=True, allow_none=True, metadata={"example": "2026-11-03T09:30:04.200000Z"})
    error = fields.Raw(required=True, allow_none=True)
    log = fields.String(required=True, metadata={"description": "Its last 64 KiB.", "example": "page 17 of 40\n"})


class AttemptQuery(PageQuery):
    """Which page of attempts."""

    limit = Whole(load_default=200, validate=validate.Range(1, 200), metadata={"description": "How many at most."})


class AttemptPage(Schema):
    """A page of a task's attempts, first to last; fewer than `limit` where their logs are long."""

    attempts = fields.List(fields.Nested(AttemptOut), required=True)
