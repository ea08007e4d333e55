"""Fields and validators that marshmallow does not have, or takes more for than we do."""

from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from taskyard.core.types import instant_to_text

# As far as every database, JSON library and calendar goes along; the bounds leave room for offsets and leases.
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


class Text(fields.String):
    """A string without NUL, which PostgreSQL cannot hold."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators = [_no_nul, *self.validators]


def _no_nul(value: str) -> None:
    if "\0" in value:
        raise ma.ValidationError("Must not hold a NUL character.")


class NotBlank(validate.Validator):
    def __call__(self, value: str) -> str:
        if not value.strip():
            raise ma.ValidationError("Must not be blank.")
        return value


class Printable(validate.Validator):
    def __call__(self, value: str) -> str:
        if not value.isprintable():
            raise ma.ValidationError("Must hold printable characters only.")
        return value


class Whole(fields.Integer):
    """A whole number in a query string: ASCII digits only, where int() would take `1_0` and digits of any script."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, str) and not (value.isascii() and value.isdigit()):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)


class Number(fields.Float):
    """A number in a JSON body: no text that looks like one."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, int | float):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)


class Flag(fields.Boolean):
    """true or false in a JSON body, and nothing that is like one of them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class When(fields.AwareDateTime):
    """A moment from 1970 to 9998: read with its offset (RFC 3339), shown in UTC with microseconds."""

    default_error_messages = {
        "invalid": "Must be a time such as 2030-01-31T12:00:00Z.",
        "invalid_awareness": "Must end in Z or in an offset such as +02:00.",
        "out_of_range": "Must be between the years 1970 and 9998.",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        at = super()._deserialize(value, attr, data, **kwargs)
        if not EARLIEST <= at < LATEST:
            raise self.make_error("out_of_range")
        return at.astimezone(UTC)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else instant_to_text(value)
