"""Users as they come in and go out."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from taskyard.users.fields import (
    ROLES,
    age_field,
    email_field,
    name_field,
    password_field,
    username_field,
)
from taskyard.users.models import Role
from taskyard.web.fields import Text, When
from taskyard.web.pagination import PageQuery
from taskyard.web.schema import Schema


class UserIn(Schema):
    """A new user."""

    name = name_field(required=True)
    email = email_field(required=True)
    age = age_field()
    role = fields.String(load_default=Role.USER.value, validate=ROLES)
    username = username_field()
    password = password_field("At least 8 characters. Without one, only API keys let the user in.", allow_none=True)


class UserPatch(Schema):
    """What an admin can change of a user."""

    name = name_field()
    email = email_field()
    age = age_field()
    role = fields.String(validate=ROLES)
    username = username_field()
    password = password_field("Ends the user's tokens; null takes the password away.", allow_none=True)


class ProfilePatch(Schema):
    """What everybody can change of themselves."""

    name = name_field()
    email = email_field()
    age = age_field()
    password = password_field("The new one; ends your tokens. Takes current_password.")
    current_password = Text(
        load_only=True,
        validate=validate.Length(1, 200),
        metadata={"description": "To change the password.", "format": "password"},
    )

    @validates_schema(skip_on_field_errors=False)
    def both_passwords(self, data: dict[str, Any], **_: Any) -> None:
        if "password" in data and "current_password" not in data:
            raise ValidationError("Needed to change the password.", "current_password")
        if "current_password" in data and "password" not in data:
            raise ValidationError("Only taken together with a new password.", "current_password")


class UserOut(Schema):
    """A user."""

    id = fields.UUID(required=True)
    name = fields.String(required=True, metadata={"example": "Ada Lovelace"})
    username = fields.String(required=True, metadata={"example": "ada"})
    email = fields.String(required=True, metadata={"example": "ada@example.com"})
    age = fields.Integer(required=True, allow_none=True, metadata={"example": 36})
    role = fields.String(required=True, validate=ROLES)
    has_password = fields.Boolean(required=True, metadata={"description": "Whether a password lets them in."})
    version = fields.Integer(required=True)
    created_at = When(required=True)
    updated_at = When(required=True)


class UserPage(Schema):
    """A page of users, in the order they were made."""

    users = fields.List(fields.Nested(UserOut), required=True)


class UserQuery(PageQuery):
    """Which users a list holds."""

    role = fields.String(validate=ROLES)
    email = Text(metadata={"description": "Whatever its case."})
    username = Text()
    q = Text(validate=validate.Length(1, 200), metadata={"description": "How the name begins, whatever its case."})
