"""Events over HTTP."""

from typing import Any

from taskyard.events import service
from taskyard.events.schemas import EventIn, EventOut, EventPage, EventQuery
from taskyard.web import idempotency, pagination
from taskyard.web.auth import caller, scope
from taskyard.web.blueprint import Blueprint, MethodView
from taskyard.web.documented import refuses

blp = Blueprint(
    "events",
    __name__,
    url_prefix="/v1",
    description="What happened: published by Taskyard and by you, and sent to the endpoints that ask for it.",
)
LOCATION = {"Location": {"description": "Where it is.", "schema": {"type": "string"}}}


@blp.route("/events")
class Events(MethodView):
    @blp.arguments(EventQuery(), location="query")
    @blp.response(200, EventPage())
    @pagination.paged
    @scope("read")
    def get(self, query: dict[str, Any]) -> Any:
        """List your events"""
        rows = service.page(caller().user_id, query, pagination.position(query))
        page, headers = pagination.page(query, rows, lambda one: [one["created_at"].isoformat(), one["id"]])
        return {"events": page}, 200, headers

    @blp.arguments(EventIn())
    @blp.response(201, EventOut(), headers=LOCATION)
    @idempotency.idempotent
    @scope("write")
    def post(self, sent: dict[str, Any]) -> Any:
        """Publish an event

        It is sent to each of your endpoints that asks for its type.
        """
        made = service.submit(caller().user_id, sent)
        return made, 201, {"Location": f"/v1/events/{made['id']}"}


@blp.route("/events/<id:event_id>")
class EventById(MethodView):
    @blp.response(200, EventOut())
    @refuses(404)
    @scope("read")
    def get(self, event_id: str) -> Any:
        """Get an event"""
        return service.get(caller().user_id, event_id)
