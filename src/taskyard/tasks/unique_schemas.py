"""What makes a task unique, as it is sent."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from taskyard.queue.lifecycle import Status
from taskyard.queue.unique import OPEN, OnConflict
from taskyard.web.fields import NotBlank, Number, Text
from taskyard.web.schema import Items, Schema

MAX_WINDOW_S = 366 * 86_400


class UniqueIn(Schema):
    """Of the tasks of one owner with the same key, one at a time."""

    key = Text(
        required=True,
        validate=[NotBlank(), validate.Length(max=200)],
        metadata={"description": "A name of your own for what must not be there twice.", "example": "invoice-4711"},
    )
    while_ = Items(
        fields.String(validate=validate.OneOf([status.value for status in Status])),
        data_key="while",
        load_default=lambda: list(OPEN),
        metadata={
            "description": "The statuses in which a task holds its key: scheduled, queued and running, and any of the"
            " ended ones besides; or none at all with a window_s. By default scheduled, queued and running.",
            "example": OPEN,
        },
    )
    window_s = Number(
        validate=validate.Range(0, MAX_WINDOW_S, min_inclusive=False),
        metadata={"description": "It holds its key so long from its submission at the least, whatever becomes of it."},
    )
    on_conflict = fields.String(
        load_default="reject",
        validate=validate.OneOf([one.value for one in OnConflict]),
        metadata={
            "description": "Where another task holds the key: answer 409 (reject), answer 200 with that task (return),"
            " or cancel that task if it still waits and take its key, else 409 (replace)."
        },
    )

    @validates_schema
    def all_that_is_open(self, data: dict[str, Any], **_: Any) -> None:
        """A task that runs goes back to waiting by itself: were it to lose its key meanwhile, two would have it."""
        if not data["while_"] and "window_s" not in data:
            raise ValidationError("Give a window_s where no status is named.", "while")
        if data["while_"] and not set(OPEN) <= set(data["while_"]):
            raise ValidationError(
                "Must hold scheduled, queued and running: a task goes from one to the other and back.", "while"
            )
