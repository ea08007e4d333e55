"""The forms and answers of the token endpoint (RFC 6749, RFC 7009)."""

from typing import Any

import marshmallow as ma
from marshmallow import ValidationError, fields, validate, validates_schema

from taskyard.users import scopes
from taskyard.users.fields import MAX_PASSWORD
from taskyard.web.fields import NotBlank, Text
from taskyard.web.schema import Schema

REFRESH_TOKEN = "tyr_2mVxk0eWJtq7Rr4sUd9cNf5gHi6o3LbXa1Ea81BPzYl"  # an example
ACCESS_TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.c2ln"  # an example
GRANTS = {"password": ("username", "password"), "refresh_token": ("refresh_token",)}


def _known_scopes(text: str) -> None:
    if not all(scopes.known(scope) for scope in text.split()):
        raise ValidationError(scopes.RULE)


class TokenIn(Schema):
    """A form that asks for tokens. What else clients send (client_id …) is passed over, as RFC 6749 wants it."""

    class Meta:
        unknown = ma.INCLUDE

    grant_type = fields.String(required=True, validate=validate.OneOf(list(GRANTS)), metadata={"example": "password"})
    username = Text(
        validate=[NotBlank(), validate.Length(max=254)],
        metadata={"description": "The username or the email.", "example": "ada"},
    )
    password = Text(
        validate=validate.Length(1, MAX_PASSWORD),
        metadata={"format": "password", "example": "correct horse battery staple"},
    )
    refresh_token = Text(metadata={"description": "For the grant `refresh_token`."})
    scope = Text(
        validate=_known_scopes,
        metadata={
            "description": "Separated by spaces; by default all that your role, or the first login, allows.",
            "example": "read write",
        },
    )

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def whole(self, data: dict[str, Any], original: Any, **_: Any) -> None:
        missing = [name for name in GRANTS.get(data.get("grant_type", ""), ()) if name not in original]
        if missing:
            raise ValidationError({name: ["Missing data for required field."] for name in missing})


class TokenOut(Schema):
    """Tokens (RFC 6749, section 5.1)."""

    access_token = fields.String(
        required=True,
        metadata={"description": "Send it as Authorization: Bearer.", "example": ACCESS_TOKEN},
    )
    token_type = fields.String(required=True, metadata={"example": "Bearer"})
    expires_in = fields.Integer(required=True, metadata={"description": "Seconds.", "example": 900})
    refresh_token = fields.String(
        required=True, metadata={"description": "To be used once, for the next tokens.", "example": REFRESH_TOKEN}
    )
    scope = fields.String(required=True, metadata={"example": "read write work"})


class RevokeIn(Schema):
    """A form that ends a login."""

    class Meta:
        unknown = ma.INCLUDE

    token = Text(required=True, metadata={"description": "A refresh token.", "example": REFRESH_TOKEN})
    token_type_hint = Text(metadata={"example": "refresh_token"})
