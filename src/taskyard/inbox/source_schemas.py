"""Sources as they come in and go out."""

import re
from ipaddress import ip_network
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from taskyard.inbox.presets import PRESETS
from taskyard.inbox.route_schemas import MOST_ROUTES, JmesPath, Route
from taskyard.inbox.scheme_schemas import SchemeSchema
from taskyard.inbox.secret_schemas import SecretIn, SecretOut
from taskyard.tasks.schemas import owner_field
from taskyard.web.fields import Text, When
from taskyard.web.pagination import PageQuery
from taskyard.web.schema import Items, Schema

MIB = 1024 * 1024
MOST_BODY = 25 * MIB  # what GitHub sends at most
MOST_SECRETS = 10
MOST_NETWORKS = 100
MOST_WINDOW_S = 90 * 86_400
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
VALUE = validate.Regexp(r"[\x20-\x7e]{0,1000}\Z", error="Visible ASCII characters only, 1,000 at most.")
OURS = {"connection", "content-length", "content-type", "date", "keep-alive", "trailer", "transfer-encoding", "upgrade"}


def _network(text: str) -> None:
    try:
        ip_network(text)
    except ValueError as error:
        raise ValidationError("No network such as 192.0.2.0/24 or 2001:db8::/32, nor an address.") from error


def _header(name: str) -> None:
    if not HEADER.fullmatch(name) or name.lower() in OURS:
        raise ValidationError("No header that can be set here.")


class RequestRate(Schema):
    """How many requests within how many seconds."""

    count = fields.Integer(required=True, strict=True, validate=validate.Range(1, 1_000_000), metadata={"example": 100})
    per_s = fields.Integer(required=True, strict=True, validate=validate.Range(1, 86_400), metadata={"example": 60})


class Dedupe(Schema):
    """Which requests are the same one sent again."""

    key = JmesPath(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "A JMESPath expression for what is the same each time; by default as the preset says.",
            "example": "body.id",
        },
    )
    window_s = fields.Integer(
        strict=True,
        load_default=7 * 86_400,
        validate=validate.Range(0, MOST_WINDOW_S),
        metadata={"description": "For so many seconds after the first; 0: every request is a new one."},
    )


class Respond(Schema):
    """What a request that is kept is answered with."""

    status = fields.Integer(strict=True, load_default=200, validate=validate.Range(200, 299))
    body = Text(load_default="", validate=validate.Length(max=4096), metadata={"example": "ok"})
    content_type = Text(load_default="text/plain; charset=utf-8", validate=VALUE)
    headers = fields.Dict(
        keys=Text(validate=_header),
        values=Text(validate=VALUE),
        load_default=dict,
        validate=validate.Length(max=10),
        metadata={"example": {"X-Hook": "kept"}},
    )

    @validates_schema
    def no_body_without_content(self, data: dict[str, Any], **_: Any) -> None:
        if data["body"] and data["status"] in {204, 205}:
            raise ValidationError("There is no body with this status.", "body")


class Settings(Schema):
    """How a source verifies what it receives, and what it makes of it."""

    description = Text(load_default="", validate=validate.Length(max=2000), metadata={"example": "Pushes to our code."})
    scheme = fields.Nested(
        SchemeSchema,
        load_default=None,
        allow_none=True,
        metadata={"description": "Instead of a preset: how requests are signed.", "example": None},
    )
    routes = Items(
        fields.Nested(Route),
        load_default=list,
        validate=validate.Length(max=MOST_ROUTES),
        metadata={"description": "What requests become: a task by each route that matches."},
    )
    event_type = JmesPath(
        load_default=None,
        allow_none=True,
        metadata={"description": "An expression for the type of a request; by default as the preset says."},
    )
    dedupe = fields.Nested(Dedupe, load_default=lambda: Dedupe().load({}))
    rate = fields.Nested(
        RequestRate,
        load_default=None,
        allow_none=True,
        metadata={"description": "Beyond it requests get a 429; each web process counts for itself."},
    )
    networks = Items(
        Text(validate=_network),
        load_default=list,
        validate=validate.Length(max=MOST_NETWORKS),
        metadata={
            "description": "Networks and addresses that may send; none: all may.",
            "example": ["192.30.252.0/22", "2a0a:a440::/29"],
        },
    )
    respond = fields.Nested(
        Respond,
        load_default=None,
        allow_none=True,
        metadata={"description": "What a request that is kept is answered with; by default 200 and its id."},
    )


class SourceIn(Settings):
    """A source: where webhooks come in."""

    preset = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.OneOf(sorted(PRESETS)),
        metadata={"description": "The provider, or a generic kind of proof.", "example": "github"},
    )
    secrets = Items(
        fields.Nested(SecretIn),
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=MOST_SECRETS),
        metadata={
            "description": "All its secrets. Left out, those that are there stay.",
            "example": [{"secret": "It's a Secret to Everybody"}],
        },
    )
    max_body = fields.Integer(
        strict=True,
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, MOST_BODY),
        metadata={"description": "Bytes; larger ones get a 413. By default as the preset says, else 1 MiB."},
    )

    @validates_schema
    def one_scheme(self, data: dict[str, Any], **_: Any) -> None:
        if (data["preset"] is None) == (data["scheme"] is None):
            raise ValidationError("Give either a preset or a scheme.", "preset")


class SourceOut(Settings):
    """A source, and where it listens."""

    name = fields.String(required=True, metadata={"example": "github"})
    path = fields.String(required=True, metadata={"description": "Where to send webhooks.", "example": "/hooks/github"})
    owner_id = fields.UUID(required=True, metadata={"description": "Whom its tasks belong to."})
    preset = fields.String(required=True, metadata={"description": "`custom` with a scheme.", "example": "github"})
    secrets = fields.List(fields.Nested(SecretOut), required=True, attribute="secrets_shown")
    verify_token = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "What to enter as the verify token at Meta, where the preset is one of theirs."},
    )
    max_body = fields.Integer(required=True, metadata={"example": 1_048_576})
    created_at = When(required=True)
    updated_at = When(required=True)


class SourcePage(Schema):
    """A page of sources, by name."""

    sources = fields.List(fields.Nested(SourceOut), required=True)


class SourceQuery(PageQuery):
    """Which sources a list holds."""

    owner = owner_field()
