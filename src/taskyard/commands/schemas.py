"""Commands as they come in and go out."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from taskyard.commands.backoff import backoff_field
from taskyard.commands.push_schemas import Push
from taskyard.core.expressions import MOST_CHARS
from taskyard.web.fields import Text, When
from taskyard.web.pagination import PageQuery
from taskyard.web.schema import Schema

QUEUE = validate.Regexp(
    r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}\Z", error="Letters, digits and . _ : - only, 100 characters at most."
)
PRIORITY = validate.OneOf(["high", "normal", "low"])
ON_LOST = validate.OneOf(["retry", "hold", "fail"])
MAX_TIMEOUT_S = 7 * 86_400
PAYLOAD_EXAMPLE = {
    "type": "object",
    "properties": {"width": {"type": "integer", "minimum": 1}},
    "required": ["width"],
}
RESULT_EXAMPLE = {"type": "object", "properties": {"url": {"type": "string", "format": "uri"}}}
WHAT_SCHEMAS = (
    "JSON Schema 2020-12: an object, or true or false; 64 KiB at most. References lead to places within it, patterns do"
    " without look-around and back references."
)


def schema_field(what: str, example: dict[str, Any], **kwargs: Any) -> fields.Field[Any]:
    return fields.Raw(allow_none=True, metadata={"description": f"{what} {WHAT_SCHEMAS}", "example": example}, **kwargs)


def expression_field(what: str, example: str) -> fields.Field[Any]:
    return Text(
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, MOST_CHARS),
        metadata={"description": f"{what} A JMESPath expression over the payload.", "example": example},
    )


class Settings(Schema):
    """How tasks of a command are run, where they do not say so themselves."""

    description = Text(
        load_default="", validate=validate.Length(max=2000), metadata={"example": "Makes an image smaller."}
    )
    queue = Text(
        load_default=None,
        allow_none=True,
        validate=QUEUE,
        metadata={"description": "Where its tasks wait; by default in the queue of its name.", "example": "images"},
    )
    priority = fields.String(load_default="normal", validate=PRIORITY)
    timeout_s = fields.Integer(
        strict=True,
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, MAX_TIMEOUT_S),
        metadata={"description": "How long one attempt may take; by default an hour.", "example": 60},
    )
    max_attempts = fields.Integer(
        strict=True,
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, 1000),
        metadata={"description": "By default 5.", "example": 3},
    )
    max_crashes = fields.Integer(
        strict=True,
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, 1000),
        metadata={"description": "Lost workers after which a task fails; by default 3.", "example": 3},
    )
    backoff = backoff_field(load_default=None)
    on_lost = fields.String(
        load_default="retry",
        validate=ON_LOST,
        metadata={"description": "What happens when a worker is lost, so that nobody knows whether its work was done."},
    )
    limit_key = expression_field("What counts together against a limit.", "customer.id")
    fairness_key = expression_field("Whose share of its queue a task takes.", "customer.id")
    push = fields.Nested(
        Push,
        load_default=None,
        allow_none=True,
        metadata={"description": "Where its tasks are posted; null: they wait until a worker asks for them."},
    )


class CommandIn(Settings):
    """A command: what its tasks are checked against and how they are run."""

    payload_schema = schema_field("What a payload must fit; null: any.", PAYLOAD_EXAMPLE, load_default=None)
    result_schema = schema_field("What a result must fit; null: any.", RESULT_EXAMPLE, load_default=None)


class CommandOut(Settings):
    """A registered command."""

    name = fields.String(required=True, metadata={"example": "resize"})
    payload_schema = schema_field("What a payload must fit.", PAYLOAD_EXAMPLE, required=True)
    result_schema = schema_field("What a result must fit.", RESULT_EXAMPLE, required=True)
    schema_version = fields.Integer(
        required=True, metadata={"description": "The version of its schemas that new tasks are checked against."}
    )
    created_at = When(required=True)
    updated_at = When(required=True)


class CommandPage(Schema):
    """A page of commands, by name."""

    commands = fields.List(fields.Nested(CommandOut), required=True)


class CommandQuery(PageQuery):
    """Which commands a list holds."""

    q = Text(validate=validate.Length(max=100), metadata={"description": "Those whose name begins so."})


class SchemasOut(Schema):
    """One version of a command's schemas. It never changes; tasks keep the version they were checked against."""

    command = fields.String(required=True, metadata={"example": "resize"})
    version = fields.Integer(required=True, metadata={"example": 1})
    payload_schema = schema_field("What a payload must fit.", PAYLOAD_EXAMPLE, required=True)
    result_schema = schema_field("What a result must fit.", RESULT_EXAMPLE, required=True)
    created_at = When(required=True)


class SchemasPage(Schema):
    """A page of versions, newest first."""

    schemas = fields.List(fields.Nested(SchemasOut), required=True)


class CheckIn(Schema):
    """Schemas to be tried against the most recent tasks of a command."""

    payload_schema = schema_field("Tried on payloads.", PAYLOAD_EXAMPLE, load_default=None)
    result_schema = schema_field("Tried on the results of tasks that succeeded.", RESULT_EXAMPLE, load_default=None)
    limit = fields.Integer(
        strict=True,
        load_default=100,
        validate=validate.Range(1, 1000),
        metadata={"description": "How many tasks, from the newest on."},
    )

    @validates_schema
    def something(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("payload_schema") is None and data.get("result_schema") is None:
            raise ValidationError("Give a payload_schema, a result_schema or both.")


class CheckFault(Schema):
    """One thing in which a task does not fit."""

    detail = fields.String(required=True, metadata={"example": "0 is less than the minimum of 1"})
    pointer = fields.String(required=True, metadata={"example": "/payload/width"})


class Misfit(Schema):
    """A task that does not fit."""

    task_id = fields.UUID(required=True)
    errors = fields.List(fields.Nested(CheckFault), required=True, metadata={"description": "The first ten faults."})


class CheckOut(Schema):
    """How many of the tasks that were looked at fit."""

    checked = fields.Integer(required=True, metadata={"example": 100})
    fitting = fields.Integer(required=True, metadata={"example": 98})
    complete = fields.Boolean(
        required=True,
        metadata={"description": "False where time ran out before all the tasks asked for were looked at."},
    )
    misfits = fields.List(
        fields.Nested(Misfit), required=True, metadata={"description": "Those that do not fit, 50 at most."}
    )
