"""Secrets of a source as they come in, and what of them goes out."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from taskyard.web.fields import Text, When
from taskyard.web.schema import Schema

ID = validate.Regexp(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", error="No id of a secret.")


class SecretTimes(Schema):
    """From when to when a secret holds."""

    not_before = When(load_default=None, allow_none=True, metadata={"description": "It does not hold earlier."})
    expires_at = When(load_default=None, allow_none=True, metadata={"description": "It does not hold from then on."})


class SecretIn(SecretTimes):
    """A secret: a new one, or by its id one that is there."""

    secret = Text(validate=validate.Length(1, 4096), metadata={"example": "It's a Secret to Everybody"})
    id = Text(validate=ID, metadata={"description": "Of a secret that is to stay."})

    @validates_schema
    def one_of_both(self, data: dict[str, Any], **_: Any) -> None:
        if ("secret" in data) == ("id" in data):
            raise ValidationError("Give either a new secret or the id of one that is there.", "secret")


class SecretOut(SecretTimes):
    """A secret, of which only the end is shown."""

    id = fields.UUID(required=True)
    hint = fields.String(required=True, metadata={"description": "Its last characters.", "example": "body"})
