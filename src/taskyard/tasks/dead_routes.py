"""Dead tasks over HTTP, grouped by what they died of."""

from typing import Any

from flask import Response
from marshmallow import fields

from taskyard.tasks import dead
from taskyard.tasks.schemas import fingerprint_field, owner_field
from taskyard.users.current import current_actor
from taskyard.web import answers, pagination
from taskyard.web.auth import scope
from taskyard.web.blueprint import Blueprint, MethodView
from taskyard.web.fields import Text, When
from taskyard.web.pagination import PageQuery
from taskyard.web.schema import Schema

blp = Blueprint("dead", __name__, url_prefix="/v1", description="Failed and lost tasks, grouped by their error.")


class DeadQuery(PageQuery):
    """Which dead tasks are grouped."""

    command = Text()
    queue = Text()
    since = When(metadata={"description": "Ended at this moment or later."})
    owner = owner_field()


class DeadError(Schema):
    """The error of the newest of them, cut where it is long."""

    type = fields.String(required=True, metadata={"example": "TimeoutError"})
    message = fields.String(required=True, metadata={"example": "no answer from 10.0.0.7 after 30 s"})


class DeadOut(Schema):
    """Tasks that died of the same error, but for the numbers, ids and quoted text in it."""

    fingerprint = fingerprint_field()
    command = fields.String(required=True, metadata={"example": "resize"})
    queue = fields.String(required=True, metadata={"description": "Of the newest of them.", "example": "images"})
    error = fields.Nested(DeadError, required=True)
    count = fields.Integer(
        required=True, metadata={"description": "How many; of the newest 10,000 of the group.", "example": 17}
    )
    capped = fields.Boolean(
        required=True, metadata={"description": "Whether the group has more than were counted.", "example": False}
    )
    first_at = When(required=True, metadata={"description": "When the first of those counted ended."})
    last_at = When(required=True, metadata={"description": "When the last of those counted ended."})
    task_id = fields.UUID(required=True, metadata={"description": "The newest of them, as a sample."})


class DeadPage(Schema):
    """A page of groups, in the order of their fingerprints. It may hold few or none, and not be the last."""

    groups = fields.List(fields.Nested(DeadOut), required=True)


@blp.route("/dead")
class Dead(MethodView):
    @blp.arguments(DeadQuery(), location="query")
    @blp.response(200, DeadPage())
    @pagination.paged
    @scope("read")
    def get(self, query: dict[str, Any]) -> Response:
        """Group dead tasks by error"""
        page, position = dead.grouped(current_actor(), query, pagination.position(query))
        headers = {} if position is None else pagination.following(query, position)
        return answers.json({"groups": [dead.rendered(group) for group in page]}, headers=headers)
