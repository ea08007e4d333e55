"""API keys as they come in and go out."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from taskyard.users.fields import USER_ID
from taskyard.users.scopes import BASIC, RULE, SCOPE
from taskyard.web.fields import NotBlank, Text, When
from taskyard.web.pagination import PageQuery
from taskyard.web.schema import Items, Schema

MAX_LIFETIME_S = 10 * 366 * 86_400


def _different(scopes: list[str]) -> None:
    if len(set(scopes)) != len(scopes):
        raise ValidationError("Must not name a scope twice.")


class KeyIn(Schema):
    """A new API key."""

    name = Text(
        required=True,
        validate=[NotBlank(), validate.Length(max=100)],
        metadata={"description": "To tell it from others.", "example": "resizer on host 7"},
    )
    scopes = Items(
        Text(validate=validate.Regexp(rf"{SCOPE.pattern}\Z", error=RULE)),
        load_default=lambda: list(BASIC),
        validate=[validate.Length(1, 50), _different],
        metadata={
            "description": "`read`, `write`, `work` (or `work:<queue>` for one queue), and `admin` for moderators and"
            " admins. By default read, write and work; never more than your own.",
            "example": ["read", "work:images"],
            "uniqueItems": True,
        },
    )
    expires_at = When(metadata={"description": "By default never."})
    expires_in_s = fields.Integer(
        strict=True,
        validate=validate.Range(1, MAX_LIFETIME_S),
        metadata={"description": "The same as seconds from now.", "example": 2_592_000},
    )
    user_id = fields.UUID(metadata={"description": "Whose it is; by default yours. Only admins may name another."})

    @validates_schema(skip_on_field_errors=False)
    def one_expiry(self, data: dict[str, Any], **_: Any) -> None:
        if "expires_at" in data and "expires_in_s" in data:
            raise ValidationError("Give either expires_at or expires_in_s.", "expires_in_s")


class KeyOut(Schema):
    """An API key, without its secret."""

    id = fields.UUID(required=True)
    user_id = fields.UUID(required=True)
    name = fields.String(required=True, metadata={"example": "resizer on host 7"})
    hint = fields.String(required=True, metadata={"description": "How the secret begins.", "example": "ty_a81B"})
    scopes = fields.List(fields.String(), required=True, metadata={"example": ["read", "work:images"]})
    created_at = When(required=True)
    expires_at = When(required=True, allow_none=True)
    last_used_at = When(required=True, allow_none=True, metadata={"description": "To a minute."})
    revoked_at = When(required=True, allow_none=True)


class KeyMade(KeyOut):
    """A new API key with its secret, which is shown this once."""

    key = fields.String(
        required=True,
        metadata={
            "description": "Send it as Authorization: Bearer.",
            "example": "ty_a81BPzYl2mVxk0eWJtq7Rr4sUd9cNf5gHi6o3LbXa1E",
        },
    )


class KeyPage(Schema):
    """A page of API keys, in the order they were made."""

    keys = fields.List(fields.Nested(KeyOut), required=True)


class KeyQuery(PageQuery):
    """Whose keys a list holds."""

    user = fields.String(
        load_default="me",
        metadata={"description": "`me`, or a user's id (admins)."},
        validate=validate.Regexp(rf"(me|{USER_ID.pattern})\Z", error="Must be me or a user's id."),
    )
