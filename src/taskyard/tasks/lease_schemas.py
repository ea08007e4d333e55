"""Leases as they come in and go out."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from taskyard.queue.lifecycle import Status
from taskyard.tasks.schemas import MAX_DELAY_S, PRIORITY, queue_field
from taskyard.web.fields import NotBlank, Number, Text, When
from taskyard.web.schema import Items, Schema

LEASE_S = validate.Range(1, 43_200)
MAX_RESULT = 1024 * 1024  # bytes of JSON
MOST_REPORTS = 1000
TOKEN_LENGTH = validate.Length(max=200)
TOKEN = {"description": "From the lease. It alone authorises what is done with that lease.", "example": "0199…"}


class ClaimIn(Schema):
    """What a worker asks for."""

    queues = Items(queue_field(), required=True, validate=validate.Length(1, 100), metadata={"example": ["resize"]})
    limit = fields.Integer(
        strict=True,
        load_default=1,
        validate=validate.Range(1, 1000),
        metadata={"description": "How many tasks at most. Of more than 100 fewer may come, where they are large, say."},
    )
    lease_s = fields.Integer(
        strict=True,
        load_default=60,
        validate=LEASE_S,
        metadata={"description": "How long the tasks are held without a sign of life."},
    )
    wait = Number(
        load_default=0,
        validate=validate.Range(0, 20),
        metadata={"description": "Seconds to wait for a task where there is none."},
    )
    worker = Text(
        load_default="anonymous",
        validate=[NotBlank(), validate.Length(max=200)],
        metadata={"description": "A name to be recognised by.", "example": "host-1:4711"},
    )
    claim_id = Text(
        validate=[NotBlank(), validate.Length(max=100)],
        metadata={"description": "An id of your own for this claim: sent again, it gets the same leases again."},
    )


class LeasedTask(Schema):
    """What a worker needs to know of a task."""

    id = fields.UUID(required=True)
    command = fields.String(required=True, metadata={"example": "resize"})
    command_version = fields.Integer(required=True, allow_none=True)
    queue = fields.String(required=True, metadata={"example": "images"})
    priority = fields.String(required=True, validate=PRIORITY)
    payload = fields.Raw(required=True, allow_none=True, metadata={"example": {"width": 200}})
    tags = fields.List(fields.String(), required=True, metadata={"example": ["customer-17"]})
    created_at = When(required=True)
    timeout_s = fields.Integer(required=True, metadata={"example": 60})
    max_attempts = fields.Integer(required=True, metadata={"example": 5})
    group_id = fields.UUID(
        required=True,
        allow_none=True,
        metadata={"description": "Its group; the results of the others are at GET /v1/tasks?group=…."},
    )


class LeaseOut(Schema):
    """A task in a worker's hands, for a time."""

    task = fields.Nested(LeasedTask, required=True)
    attempt = fields.Integer(required=True, metadata={"description": "Which run of the task this is, from 1."})
    token = fields.String(required=True, metadata=TOKEN)
    expires_at = When(required=True)


class LeasesOut(Schema):
    """The tasks a claim got."""

    leases = fields.List(fields.Nested(LeaseOut), required=True)


class ExtensionIn(Schema):
    """A sign of life."""

    token = fields.String(required=True, validate=TOKEN_LENGTH, metadata=TOKEN)
    lease_s = fields.Integer(strict=True, load_default=60, validate=LEASE_S)
    progress = fields.Integer(strict=True, validate=validate.Range(0, 100), metadata={"description": "Percent."})
    note = Text(validate=validate.Length(max=500), metadata={"example": "page 17 of 40"})
    log = Text(validate=validate.Length(max=65_536), metadata={"description": "Text to add to the attempt's log."})


class ExtensionsIn(Schema):
    """Signs of life, for many leases at once."""

    leases = Items(fields.Nested(ExtensionIn), required=True, validate=validate.Length(1, 1000))


class ExtensionOut(Schema):
    """What a worker is told: go on, it is no longer yours, or stop."""

    token = fields.String(required=True, metadata=TOKEN)
    status = fields.String(required=True, validate=validate.OneOf(["ok", "stale", "cancel"]))


class ExtensionsOut(Schema):
    """An answer per lease, in their order."""

    leases = fields.List(fields.Nested(ExtensionOut), required=True)


class ReportIn(Schema):
    """How an attempt ended, or many of which the same is to be said."""

    token = fields.String(validate=TOKEN_LENGTH, metadata=TOKEN)
    tokens = Items(
        fields.String(validate=TOKEN_LENGTH),
        validate=validate.Length(1, MOST_REPORTS),
        metadata={"description": "Instead of `token`: many leases. All that is said here is said of each of them."},
    )
    outcome = fields.String(
        required=True,
        validate=validate.OneOf(["succeeded", "failed", "released"]),
        metadata={"description": "released: given back unfinished; counts neither as failure nor as crash."},
    )
    result = fields.Raw(allow_none=True, metadata={"description": "Any JSON, 1 MiB at most."})
    error = fields.Raw(
        allow_none=True,
        metadata={
            "description": "What went wrong: any JSON.",
            "example": {"type": "ValueError", "message": "no width"},
        },
    )
    retry_in_s = Number(
        validate=validate.Range(0, MAX_DELAY_S),
        metadata={"description": "Instead of the command's backoff, after failed or released."},
    )
    retry = fields.Boolean(
        truthy={True},
        falsy={False},
        load_default=True,
        metadata={"description": "false with failed: do not retry, the task fails at once."},
    )
    log = Text(validate=validate.Length(max=65_536), metadata={"description": "Text to add to the attempt's log."})

    @validates_schema
    def of_whom(self, data: dict[str, Any], **_: Any) -> None:
        if ("token" in data) == ("tokens" in data):
            raise ValidationError("Give either token or tokens.", "token")

    @validates_schema
    def one_word_on_retries(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("retry", True):
            return
        if data.get("outcome") != "failed":
            raise ValidationError("false goes with the outcome failed alone.", "retry")
        if "retry_in_s" in data:
            raise ValidationError("Give either retry: false or retry_in_s.", "retry_in_s")


class ReportsIn(Schema):
    """How attempts ended, for many leases at once."""

    leases = Items(
        fields.Nested(ReportIn),
        required=True,
        validate=validate.Length(1, MOST_REPORTS),
        metadata={"example": [{"token": TOKEN["example"], "outcome": "succeeded", "result": {"url": "/200.png"}}]},
    )

    @validates_schema
    def not_too_many(self, data: dict[str, Any], **_: Any) -> None:
        if (count := sum(len(one.get("tokens", "1")) for one in data.get("leases", ()))) > MOST_REPORTS:
            raise ValidationError(
                f"Are {count:,} leases in all; at most {MOST_REPORTS:,} are settled at once.", "leases"
            )


class ReportFault(Schema):
    """One thing in which a result does not fit its schema."""

    detail = fields.String(required=True)
    pointer = fields.String(required=True)


class ReportOut(Schema):
    """What became of a report."""

    token = fields.String(required=True, metadata=TOKEN)
    status = fields.String(
        required=True,
        validate=validate.OneOf(["ok", "stale", "cancelled"]),
        metadata={"description": "stale: the lease is no longer held, nothing has changed."},
    )
    task_status = fields.String(required=True, allow_none=True, validate=validate.OneOf([s.value for s in Status]))
    errors = fields.List(
        fields.Nested(ReportFault), metadata={"description": "Where the result does not fit the command's schema."}
    )


class ReportsOut(Schema):
    """An answer per lease, in the order in which they were named."""

    leases = fields.List(
        fields.Nested(ReportOut),
        required=True,
        metadata={"example": [{"token": TOKEN["example"], "status": "ok", "task_status": "succeeded"}]},
    )
