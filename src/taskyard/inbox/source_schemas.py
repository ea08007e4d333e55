"""Sources as they come in and go out."""

import re
from ipaddress import ip_network
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from taskyard.inbox.route_schemas import MOST_ROUTES, JmesPath, Route
from taskyard.tasks.schemas import owner_field
from taskyard.web.pagination import PageQuery
from taskyard.web.schema import Items, Schema, Text, When

MIB = 1024 * 1024
MOST_BODY = 25 * MIB  # what GitHub sends at most
MOST_SECRETS = 10
MOST_NETWORKS = 100
MOST_WINDOW_S = 90 * 86_400
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
VALUE = validate.Regexp(r"[\x20-\x7e]{0,1000}\Z", error="Visible ASCII characters only, 1,000 at most.")
OURS = {"connection", "content-length", "date", "keep-alive", "trailer", "transfer-encoding", "upgrade"}


def _network(text: str) -> None:
    try:
        ip_network(text)
    except ValueError as error:
        raise ValidationError("No network such as 192.0.2.0/24 or 2001:db8::/32, nor an address.") from error


def _header(name: str) -> None:
    if not HEADER.fullmatch(name) or name.lower() in OURS:
        raise ValidationError("No header that can be set here.")


class Rate(Schema):
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
    headers = fields.Dict(
        keys=Text(validate=_header),
        values=Text(validate=VALUE),
        load_default=dict,
        validate=validate.Length(max=10),
        metadata={"example": {"Content-Type": "text/plain"}},
    )


class SecretTimes(Schema):
    """From when to when a secret holds."""

    not_before = When(load_default=None, allow_none=True, metadata={"description": "It does not hold earlier."})
    expires_at = When(load_default=None, allow_none=True, metadata={"description": "It does not hold from then on."})


class SecretIn(SecretTimes):
    """A secret: a new one, or by its id one that is there."""

    secret = Text(validate=validate.Length(1, 4096), metadata={"example": "It's a Secret to Everybody"})
    id = fields.UUID(metadata={"description": "Of a secret that is to stay.", "example": None})

    @validates_schema
    def one_of_both(self, data: dict[str, Any], **_: Any) -> None:
        if ("secret" in data) == ("id" in data):
            raise ValidationError("Give either a new secret or the id of one that is there.", "secret")


class SecretOut(SecretTimes):
    """A secret, of which only the end is shown."""

    id = fields.UUID(required=True)
    hint = fields.String(required=True, metadata={"description": "Its last characters.", "example": "body"})
