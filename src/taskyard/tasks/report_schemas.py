"""Reports on attempts that ended, as they come in, and what is answered."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from taskyard.queue.lifecycle import Status
from taskyard.tasks.lease_schemas import TOKEN, TOKEN_LENGTH
from taskyard.tasks.schemas import MAX_DELAY_S
from taskyard.web.fields import Flag, Number, Text
from taskyard.web.schema import Items, Schema

MAX_RESULT = 1024 * 1024  # bytes of JSON
MOST_REPORTS = 1000
UNFINISHED = ("failed", "released")
SAID_OF = {
    "result": ("succeeded",),
    "error": UNFINISHED,
    "retry_in_s": UNFINISHED,
}  # with other outcomes nobody reads it


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
    result = fields.Raw(allow_none=True, metadata={"description": "Any JSON, 1 MiB at most, with succeeded."})
    error = fields.Raw(
        allow_none=True,
        metadata={
            "description": "What went wrong: any JSON, with failed or released.",
            "example": {"type": "ValueError", "message": "no width"},
        },
    )
    retry_in_s = Number(
        validate=validate.Range(0, MAX_DELAY_S),
        metadata={"description": "Instead of the command's backoff, after failed or released."},
    )
    retry = Flag(
        load_default=True,
        metadata={"description": "false with failed: do not retry, the task fails at once."},
    )
    log = Text(validate=validate.Length(max=65_536), metadata={"description": "Text to add to the attempt's log."})

    @validates_schema
    def of_whom(self, data: dict[str, Any], **_: Any) -> None:
        if ("token" in data) == ("tokens" in data):
            raise ValidationError("Give either token or tokens.", "token")

    @validates_schema
    def what_goes_with_the_outcome(self, data: dict[str, Any], **_: Any) -> None:
        for name, outcomes in SAID_OF.items():
            if data.get(name) is not None and data.get("outcome", outcomes[0]) not in outcomes:
                raise ValidationError(f"Goes with the outcome {' or '.join(outcomes)} alone.", name)

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
