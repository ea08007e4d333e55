"""Routes: what a request becomes."""

from typing import Any

from marshmallow import ValidationError, fields, validate

from taskyard.core import expressions
from taskyard.core.expressions import Faulty
from taskyard.tasks.schemas import MAX_DELAY_S, PRIORITY, command_field, queue_field, tags_field
from taskyard.web.fields import Number, Text
from taskyard.web.schema import Schema

MOST_ROUTES = 20


class JmesPath(Text):
    """A JMESPath expression over a request."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(max=expressions.MOST_CHARS), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        try:
            expressions.compiled(text)
        except Faulty as error:
            raise ValidationError(str(error)) from error
        return text


class Route(Schema):
    """A task that requests become, where the filter holds."""

    filter = JmesPath(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "A JMESPath expression; where its result is null, false or empty, the route is passed over.",
            "example": "type == 'push' && body.ref == 'refs/heads/main'",
        },
    )
    command = command_field(required=True)
    payload = JmesPath(
        load_default="body",
        metadata={
            "description": "A JMESPath expression for the payload of the task.",
            "example": "{repository: body.repository.full_name, commit: body.after}",
        },
    )
    queue = queue_field(load_default=None, allow_none=True)
    priority = fields.String(load_default=None, allow_none=True, validate=PRIORITY, metadata={"example": "high"})
    unique_key = JmesPath(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "A JMESPath expression for a business key: while a task with it is open, a request becomes"
            " that task and no other. null gives no key.",
            "example": "body.repository.full_name",
        },
    )
    delay_s = Number(load_default=0, validate=validate.Range(0, MAX_DELAY_S), metadata={"example": 0})
    tags = tags_field(load_default=list)
