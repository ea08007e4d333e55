"""Leases as they come in and go out."""

from marshmallow import fields, validate

from taskyard.tasks.schemas import PRIORITY, queue_field
from taskyard.web.fields import NotBlank, Number, Text, When
from taskyard.web.schema import Items, Schema

LEASE_S = validate.Range(1, 43_200)
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
        metadata={"description": "Seconds to wait for a task where there is none; it may end a tenth sooner."},
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
