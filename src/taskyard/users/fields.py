"""The fields that several schemas of users share."""

import re
from typing import Any

from marshmallow import ValidationError, fields, validate

from taskyard.users import usernames
from taskyard.users.models import Role
from taskyard.web.fields import NotBlank, Text

ROLES = validate.OneOf([role.value for role in Role])
USER_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
MIN_PASSWORD, MAX_PASSWORD = 8, 200
MAX_EMAIL = 254


class Email(fields.Email):
    """An email address that can be kept: case-folding may make it longer."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        email = super()._deserialize(value, attr, data, **kwargs)
        if len(email.casefold()) > MAX_EMAIL:
            raise ValidationError(f"Must not be longer than {MAX_EMAIL} characters.")
        return email


def email_field(**kwargs: Any) -> fields.Field[Any]:
    metadata = {"description": "Unique, whatever its case.", "example": "ada@example.com", "maxLength": MAX_EMAIL}
    return Email(metadata=metadata, **kwargs)


def name_field(**kwargs: Any) -> fields.Field[Any]:
    return Text(validate=[NotBlank(), validate.Length(max=200)], metadata={"example": "Ada Lovelace"}, **kwargs)


def username_field(**kwargs: Any) -> fields.Field[Any]:
    return Text(
        validate=[validate.Length(3, 80), validate.Regexp(rf"{usernames.ALLOWED.pattern}\Z", error=usernames.RULE)],
        metadata={"description": "Unique. By default made from the email.", "example": "ada"},
        **kwargs,
    )


def age_field(**kwargs: Any) -> fields.Field[Any]:
    return fields.Integer(
        strict=True, allow_none=True, validate=validate.Range(0, 150), metadata={"example": 36}, **kwargs
    )


def password_field(description: str = "At least 8 characters.", **kwargs: Any) -> fields.Field[Any]:
    return Text(
        load_only=True,
        validate=validate.Length(MIN_PASSWORD, MAX_PASSWORD),
        metadata={"description": description, "format": "password", "example": "correct horse battery staple"},
        **kwargs,
    )
