"""Endpoints as they come in and go out."""

import re
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from taskyard.core import allowed
from taskyard.core.expressions import Faulty
from taskyard.events import patterns
from taskyard.outbox import filters
from taskyard.outbox.secret_schemas import KINDS, NewSigningSecretOut, SigningSecretOut
from taskyard.tasks.schemas import owner_field
from taskyard.web.fields import Flag, Number, Text, When
from taskyard.web.pagination import PageQuery
from taskyard.web.schema import Items, Schema

MOST_TYPES = 50
MOST_PLACES = 20
MOST_HEADERS = 20
MOST_TRIES = 20
LONGEST_DELAY_S = 7 * 86_400
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
HEADER_VALUE = re.compile(r"[\x20-\x7e]{0,1000}")
# What we say ourselves, and what belongs to the connection.
RESERVED = {
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "user-agent",
    "accept-encoding",
}
EXAMPLE_URL = "https://example.com/hook"


def event_types(**options: Any) -> Items:
    return Items(
        Text(validate=[validate.Length(max=patterns.MOST_CHARS), a_pattern]),
        validate=validate.Length(1, MOST_TYPES),
        **options,
    )


def a_pattern(value: str) -> None:
    if not patterns.PATTERN.fullmatch(value):
        raise ValidationError("Must be a type such as task.failed, all that begins so (task.*), or *.")


def a_place(value: str) -> None:
    try:
        allowed.parse([value])
    except ValueError as error:
        raise ValidationError(str(error)) from error


def a_filter(value: str) -> None:
    try:
        filters.compiled(value)
    except Faulty as error:
        raise ValidationError(str(error)) from error


def filter_field() -> Text:
    return Text(
        load_default=None,
        allow_none=True,
        validate=a_filter,
        metadata={
            "description": "JMESPath over the event; only what it is true for is sent.",
            "example": "data.command == 'resize'",
        },
    )


class Headers(fields.Dict):
    """Headers to send: names that HTTP knows, values of visible ASCII."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        found: dict[str, str] = super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]  # theirs
        if len(found) > MOST_HEADERS:
            raise ValidationError(f"At most {MOST_HEADERS} headers.")
        faults = {name: [why] for name, text in found.items() if (why := _header_fault(name, text))}
        if faults:
            raise ValidationError(faults)
        return found


def _header_fault(name: str, text: str) -> str | None:
    if not HEADER.fullmatch(name):
        return "Is no name of a header."
    if name.lower() in RESERVED or name.lower().startswith("webhook-"):
        return "Is sent by Taskyard itself."
    return None if HEADER_VALUE.fullmatch(text) else "Must be visible ASCII, 1,000 characters at most."


class EndpointSettings(Schema):
    """Where events go, and which."""

    url = Text(
        required=True,
        validate=validate.Length(1, 2048),
        metadata={"description": "Where they are POSTed.", "example": EXAMPLE_URL, "format": "uri"},
    )
    event_types = event_types(
        required=True,
        metadata={"description": "Exact types, `task.*` or `*`.", "example": ["task.failed", "acme.*"]},
    )
    allow = Items(
        Text(validate=[validate.Length(1, 253), a_place]),
        load_default=list,
        validate=validate.Length(max=MOST_PLACES),
        metadata={
            "description": "Hosts and networks that it may reach beyond those allowed for all; an admin says so.",
            "example": [],
        },
    )
    every_owner = Flag(
        load_default=False,
        metadata={"description": "The events of all users instead of your own (moderators and admins)."},
    )
    filter = filter_field()
    headers = Headers(
        keys=fields.String(),
        values=Text(),
        load_default=dict,
        metadata={"description": "Sent along with each request.", "example": {"X-Team": "images"}},
    )
    retry_delays_s = Items(
        Number(validate=validate.Range(0, LONGEST_DELAY_S)),
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, MOST_TRIES),
        metadata={"description": "Seconds before each try, the first included; null is the default schedule."},
    )
    timeout_s = fields.Integer(
        strict=True, load_default=15, validate=validate.Range(1, 60), metadata={"description": "Of a request."}
    )
    concurrency = fields.Integer(
        strict=True,
        load_default=8,
        validate=validate.Range(1, 100),
        metadata={"description": "Requests at a time, over all dispatchers."},
    )
    rate_per_s = Number(
        load_default=None,
        allow_none=True,
        validate=validate.Range(0.01, 10_000),
        metadata={"description": "Requests a second at most; null: no bound."},
    )
    ordering = fields.String(
        load_default="none",
        validate=validate.OneOf(["none", "key", "strict"]),
        metadata={"description": "Keep events in order: not at all, those of one `key`, or all of them."},
    )
    description = Text(load_default="", validate=validate.Length(max=2000), metadata={"example": "The chat room."})


class EndpointIn(EndpointSettings):
    """A new endpoint."""

    secrets = Items(
        fields.String(validate=KINDS),
        load_default=lambda: ["hmac"],
        validate=validate.Length(1, 2),
        metadata={"description": "What signs: `hmac`, `ed25519` or both.", "example": ["hmac"]},
    )

    @validates_schema
    def one_of_each(self, data: dict[str, Any], **_: Any) -> None:
        if len(set(data["secrets"])) != len(data["secrets"]):
            raise ValidationError("Name each kind once.", "secrets")


class EndpointPatch(EndpointSettings):
    """New settings of an endpoint; what is left out stays as it is."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"partial": True, **options})
        for field in self.load_fields.values():
            field.required = False


class StateOut(Schema):
    """How an endpoint fares."""

    in_flight = fields.Integer(required=True, metadata={"example": 0})
    failures = fields.Integer(required=True, metadata={"description": "One after the other.", "example": 0})
    failing_since = When(required=True, allow_none=True)
    opened_at = When(
        required=True,
        allow_none=True,
        metadata={"description": "Since when it is down: what waits for it waits, and it is probed."},
    )
    hold_until = When(required=True, allow_none=True, metadata={"description": "Nothing is sent before."})
    last_error = fields.String(required=True, allow_none=True)
    delivered_at = When(required=True, allow_none=True, metadata={"description": "The last success."})


class EndpointOut(EndpointSettings):
    """An endpoint and how it fares."""

    id = fields.UUID(required=True)
    owner_id = fields.UUID(required=True)
    paused_at = When(required=True, allow_none=True)
    disabled_at = When(required=True, allow_none=True)
    disabled_reason = fields.String(required=True, allow_none=True)
    created_at = When(required=True)
    updated_at = When(required=True, metadata={"description": "When it was last configured."})


class EndpointWhole(EndpointOut):
    """An endpoint with its secrets and how it fares."""

    state = fields.Nested(StateOut, required=True)
    secrets = fields.List(fields.Nested(SigningSecretOut), required=True)


class EndpointNew(EndpointOut):
    """A new endpoint, with its secrets, which are shown this once."""

    secrets = fields.List(fields.Nested(NewSigningSecretOut), required=True)


class EndpointPage(Schema):
    """A page of endpoints, newest first."""

    endpoints = fields.List(fields.Nested(EndpointOut), required=True)


class EndpointQuery(PageQuery):
    """Which endpoints a list holds."""

    owner = owner_field()
