"""How the tasks of a command are pushed, as it comes in and goes out."""

import re
from typing import Any

from marshmallow import ValidationError, fields, validate

from taskyard.web.fields import Text
from taskyard.web.schema import Items, Schema

MAX_TIMEOUT_S = 600
MAX_CONCURRENCY = 1000
MAX_HEADERS = 20
MAX_HEADER = 2000  # characters of a value
HIDDEN = "(hidden)"
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
# What the sender writes itself, and what would change how the request is read.
_OURS = re.compile(
    r"(webhook|taskyard)-.*|host|content-.*|transfer-encoding|connection|upgrade|expect|te|trailer", re.I
)


class PushHeaders(fields.Dict):
    """Headers by name. They may hold credentials, so nobody is shown their values again."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(keys=fields.String(), values=Text(), **kwargs)

    def _deserialize(self, value: Any, *arguments: Any, **kwargs: Any) -> Any:
        if isinstance(value, dict) and len(value) > MAX_HEADERS:
            raise ValidationError(f"At most {MAX_HEADERS} headers.")
        found: dict[str, str] = super()._deserialize(value, *arguments, **kwargs)  # type: ignore[no-untyped-call]
        for name, text in found.items():
            if fault := _fault(name, text):
                raise ValidationError({name: [fault]})
        if len({name.lower() for name in found}) < len(found):
            raise ValidationError("Names a header twice.")
        return found

    def _serialize(self, value: Any, *arguments: Any, **kwargs: Any) -> Any:
        return dict.fromkeys(value, HIDDEN)


def _fault(name: str, text: str) -> str:
    if not _NAME.fullmatch(name):
        return "Is no name of a header."
    if _OURS.fullmatch(name):
        return "Is set by Taskyard itself."
    if len(text) > MAX_HEADER or not _VALUE.fullmatch(text):
        return f"Must be 1 to {MAX_HEADER:,} characters of visible ASCII, with no space at its ends."
    if text == HIDDEN:
        return "Send the value itself: it is not shown, and not kept when a command is replaced."
    return ""


class Push(Schema):
    """Where the tasks of a command are posted, instead of waiting for a worker to ask."""

    url = Text(
        required=True,
        validate=validate.Length(1, 2048),
        metadata={"description": "https://, on the public Internet.", "example": "https://example.com/tasks"},
    )
    headers = PushHeaders(
        load_default=dict,
        metadata={
            "description": f"Sent with every task, such as Authorization. Answers show each value as {HIDDEN}.",
            "additionalProperties": {"type": "string", "maxLength": MAX_HEADER},
            "maxProperties": MAX_HEADERS,
            "example": {},
        },
    )
    timeout_s = fields.Integer(
        strict=True,
        load_default=30,
        validate=validate.Range(1, MAX_TIMEOUT_S),
        metadata={"description": "How long one request may take, its answer included."},
    )
    success = Items(
        fields.Integer(strict=True, validate=validate.Range(200, 499)),
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, 20),
        metadata={
            "description": "The statuses that mean: done. By default 200 to 299 but 202, which means: it will be"
            " settled later, with the lease's token.",
            "example": None,
        },
    )
    concurrency = fields.Integer(
        strict=True,
        load_default=10,
        validate=validate.Range(1, MAX_CONCURRENCY),
        metadata={"description": "How many requests are under way at once, over all dispatchers."},
    )


class RotateIn(Schema):
    """A new secret."""

    overlap_s = fields.Integer(
        strict=True,
        load_default=86_400,
        validate=validate.Range(0, 30 * 86_400),
        metadata={"description": "How long requests are signed with the secret before this one, too."},
    )


class PushSecretOut(Schema):
    """The secret of a command's pushes. It is shown this once."""

    secret = fields.String(required=True, metadata={"example": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
