"""Queues over HTTP."""

from typing import Any

from flask import Response

from taskyard.tasks import queues
from taskyard.tasks.queue_schemas import PurgeIn, PurgeOut, QueueOut, QueuePage, QueuePatch, QueueQuery
from taskyard.tasks.queues import Line
from taskyard.users.current import current_actor
from taskyard.web import answers, pagination
from taskyard.web.auth import scope
from taskyard.web.blueprint import Blueprint, MethodView
from taskyard.web.documented import refuses
from taskyard.web.versions import conditional, expected, tagged

blp = Blueprint(
    "queues",
    __name__,
    url_prefix="/v1",
    description="Where tasks wait. A queue need not be made: any name is one, open and empty until something is put"
    " into it. Pause it, close it to new tasks, empty it.",
)


@blp.route("/queues")
class Queues(MethodView):
    @blp.arguments(QueueQuery(), location="query")
    @blp.response(200, QueuePage())
    @pagination.paged
    @scope("read")
    def get(self, query: dict[str, Any]) -> Any:
        """List queues"""
        lines = queues.page(query, pagination.position(query))
        page, headers = pagination.page(query, lines, lambda line: line.name)
        return {"queues": page}, 200, headers


@blp.route("/queues/<name>")
class QueueByName(MethodView):
    @blp.response(200, QueueOut())
    @refuses(404)
    @tagged
    @scope("read")
    def get(self, name: str) -> Line:
        """Get a queue"""
        return queues.get(name)

    @blp.arguments(QueuePatch())
    @blp.response(200, QueueOut())
    @refuses(404, 409)
    @conditional
    @tagged
    @scope("write")
    def patch(self, sent: dict[str, Any], name: str) -> Line:
        """Set a queue's limits and weights"""
        return queues.configure(current_actor(), name, expected(), sent)


@blp.route("/queues/<name>/pause")
class QueuePause(MethodView):
    @blp.response(200, QueueOut())
    @refuses(404, 409)
    @conditional
    @tagged
    @scope("write")
    def post(self, name: str) -> Line:
        """Pause a queue"""
        return queues.pause(current_actor(), name, expected())


@blp.route("/queues/<name>/resume")
class QueueResume(MethodView):
    @blp.response(200, QueueOut())
    @refuses(404, 409)
    @conditional
    @tagged
    @scope("write")
    def post(self, name: str) -> Line:
        """Resume a paused queue"""
        return queues.resume(current_actor(), name, expected())


@blp.route("/queues/<name>/drain")
class QueueDrain(MethodView):
    @blp.response(200, QueueOut())
    @refuses(404, 409)
    @conditional
    @tagged
    @scope("write")
    def post(self, name: str) -> Line:
        """Close a queue to new tasks"""
        return queues.drain(current_actor(), name, expected())


@blp.route("/queues/<name>/open")
class QueueOpen(MethodView):
    @blp.response(200, QueueOut())
    @refuses(404, 409)
    @conditional
    @tagged
    @scope("write")
    def post(self, name: str) -> Line:
        """Open a closed queue"""
        return queues.open_again(current_actor(), name, expected())


@blp.route("/queues/<name>/purge")
class QueuePurge(MethodView):
    @blp.arguments(PurgeIn())
    @blp.response(200, PurgeOut())
    @refuses(404)
    @scope("write")
    def post(self, sent: dict[str, Any], name: str) -> Response:
        """Cancel a queue's waiting tasks"""
        cancelled, more = queues.empty(current_actor(), name, sent["confirm"])
        return answers.json({"cancelled": cancelled, "more": more})
