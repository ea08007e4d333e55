"""Requests over HTTP."""

from typing import Any

from flask import current_app

from taskyard.inbox import again, requests
from taskyard.inbox.request_schemas import DiagnosisOut, RequestDetail, RequestPage, RequestQuery, shown, shown_whole
from taskyard.users.current import current_actor
from taskyard.web import idempotency, pagination
from taskyard.web.auth import scope
from taskyard.web.blueprint import Blueprint, MethodView
from taskyard.web.documented import refuses

blp = Blueprint(
    "requests",
    __name__,
    url_prefix="/v1",
    description="Webhooks that came in: what became of each, and why. Verify a rejected one again once the source is"
    " mended; replay one to make its tasks anew.",
)


def _closed() -> bool:
    closed: bool = current_app.extensions["taskyard.config"].closed_catalogue
    return closed


@blp.route("/requests")
class Requests(MethodView):
    @blp.arguments(RequestQuery(), location="query")
    @blp.response(200, RequestPage())
    @pagination.paged
    @scope("read")
    def get(self, query: dict[str, Any]) -> Any:
        """List received webhooks"""
        found = requests.newest(current_actor(), query, pagination.position(query))
        page, headers = pagination.page(query, found, lambda one: one.row.id)
        return {"requests": [shown(one) for one in page]}, 200, headers


@blp.route("/requests/<id:request_id>")
class RequestById(MethodView):
    @blp.response(200, RequestDetail())
    @refuses(404)
    @scope("read")
    def get(self, request_id: str) -> dict[str, Any]:
        """Get a received webhook"""
        return shown_whole(requests.get(current_actor(), request_id))


@blp.route("/requests/<id:request_id>/verify")
class RequestVerify(MethodView):
    @blp.response(200, RequestDetail())
    @refuses(404, 409)
    @scope("write")
    def post(self, request_id: str) -> dict[str, Any]:
        """Verify a rejected webhook again"""
        return shown_whole(again.verify(current_actor(), request_id, closed=_closed()))


@blp.route("/requests/<id:request_id>/diagnosis")
class RequestDiagnosis(MethodView):
    @blp.response(200, DiagnosisOut())
    @refuses(404, 409)
    @scope("read")
    def get(self, request_id: str) -> dict[str, Any]:
        """Tell why a webhook was rejected"""
        return {"findings": again.diagnose(current_actor(), request_id)}


@blp.route("/requests/<id:request_id>/replay")
class RequestReplay(MethodView):
    @blp.response(200, RequestDetail())
    @idempotency.idempotent
    @refuses(404, 409)
    @scope("write")
    def post(self, request_id: str) -> dict[str, Any]:
        """Make a webhook's tasks anew"""
        return shown_whole(again.replay(current_actor(), request_id, closed=_closed()))
