"""Limit keys over HTTP. A key in a path is percent-encoded, a slash in it too."""

from typing import Any

from flask import Response

from taskyard.queue.keys import KeyState
from taskyard.tasks import limit_keys
from taskyard.tasks.limit_schemas import LimitKeyOut, LimitKeyPage, LimitKeyQuery, LimitsIn
from taskyard.users.current import current_actor
from taskyard.web import answers, pagination
from taskyard.web.auth import scope
from taskyard.web.blueprint import Blueprint, MethodView
from taskyard.web.documented import refuses
from taskyard.web.versions import conditional, expected, tagged

blp = Blueprint(
    "limit-keys",
    __name__,
    url_prefix="/v1",
    description="What counts together against a limit of its queue. A key need not be made: any is one that a task"
    " names or that its command finds in the payload. Give one limits of its own, pause it. For moderators and admins.",
)


@blp.route("/queues/<name>/keys")
class LimitKeys(MethodView):
    @blp.arguments(LimitKeyQuery(), location="query")
    @blp.response(200, LimitKeyPage())
    @pagination.paged
    @refuses(404)
    @scope("read")
    def get(self, query: dict[str, Any], name: str) -> Any:
        """List a queue's limit keys"""
        found = limit_keys.page(current_actor(), name, query, pagination.position(query))
        page, headers = pagination.page(query, found, lambda one: one.key)
        return {"keys": page}, 200, headers


@blp.route("/queues/<name>/keys/<key:key>")
class LimitKeyByName(MethodView):
    @blp.response(200, LimitKeyOut())
    @tagged
    @refuses(404)
    @scope("read")
    def get(self, name: str, key: str) -> KeyState:
        """Get a limit key"""
        return limit_keys.get(current_actor(), name, key)

    @blp.arguments(LimitsIn())
    @blp.response(200, LimitKeyOut())
    @conditional
    @tagged
    @refuses(404)
    @scope("write")
    def put(self, sent: dict[str, Any], name: str, key: str) -> KeyState:
        """Give a key its own limits"""
        return limit_keys.put(current_actor(), name, key, expected(), sent)

    @blp.response(204)
    @conditional
    @refuses(404)
    @scope("write")
    def delete(self, name: str, key: str) -> Response:
        """Take back a key's own limits"""
        limit_keys.reset(current_actor(), name, key, expected())
        return answers.nothing()


@blp.route("/queues/<name>/keys/<key:key>/pause")
class LimitKeyPause(MethodView):
    @blp.response(200, LimitKeyOut())
    @conditional
    @tagged
    @refuses(404)
    @scope("write")
    def post(self, name: str, key: str) -> KeyState:
        """Pause a limit key"""
        return limit_keys.pause(current_actor(), name, key, expected())


@blp.route("/queues/<name>/keys/<key:key>/resume")
class LimitKeyResume(MethodView):
    @blp.response(200, LimitKeyOut())
    @conditional
    @tagged
    @refuses(404)
    @scope("write")
    def post(self, name: str, key: str) -> KeyState:
        """Resume a paused limit key"""
        return limit_keys.resume(current_actor(), name, key, expected())
