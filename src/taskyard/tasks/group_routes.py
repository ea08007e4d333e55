"""Groups over HTTP."""

from typing import Any

from flask import Response, current_app

from taskyard.queue.groups import Group
from taskyard.tasks import groups
from taskyard.tasks.group_schemas import GroupAccepted, GroupIn, GroupOut
from taskyard.users.current import current_actor
from taskyard.web import answers, bodies, idempotency
from taskyard.web.auth import scope
from taskyard.web.blueprint import Blueprint, MethodView
from taskyard.web.documented import refuses

blp = Blueprint(
    "groups",
    __name__,
    url_prefix="/v1",
    description="Tasks that belong together, and one that runs after all of them.",
)
LOCATION = {"Location": {"description": "Where its progress is.", "schema": {"type": "string"}}}


@blp.route("/groups")
class Groups(MethodView):
    @bodies.up_to("max_batch_body")
    @blp.arguments(GroupIn())
    @blp.response(201, GroupAccepted(), headers=LOCATION)
    @idempotency.idempotent
    @refuses(409)
    @scope("write")
    def post(self, sent: dict[str, Any]) -> Response:
        """Submit a group"""
        closed = current_app.extensions["taskyard.config"].closed_catalogue
        return answers.ready(groups.submit(current_actor(), sent, idempotency.take(), closed=closed))


@blp.route("/groups/<id:group_id>")
class GroupById(MethodView):
    @blp.response(200, GroupOut())
    @refuses(404)
    @scope("read")
    def get(self, group_id: str) -> Group:
        """Get a group's progress"""
        return groups.get(current_actor(), group_id)


@blp.route("/groups/<id:group_id>/cancel")
class GroupCancel(MethodView):
    @blp.response(200, GroupOut())
    @refuses(404, 409)
    @scope("write")
    def post(self, group_id: str) -> Group:
        """Cancel a group"""
        return groups.cancel(current_actor(), group_id)
