"""Deliveries and replays over HTTP."""

from typing import Any

from taskyard.outbox import deliveries, replays
from taskyard.outbox.delivery_schemas import DeliveryPage, DeliveryQuery, DeliveryWhole, ReplayIn, ReplayOut, ReplayPage
from taskyard.outbox.models import Replay
from taskyard.users.current import current_actor
from taskyard.web import idempotency, pagination
from taskyard.web.auth import scope
from taskyard.web.blueprint import Blueprint, MethodView
from taskyard.web.documented import refuses
from taskyard.web.pagination import PageQuery

blp = Blueprint(
    "deliveries",
    __name__,
    url_prefix="/v1",
    description="Events on their way to endpoints, every try of them, and replays of what was missed.",
)
STARTED = {"Location": {"description": "Where its progress is.", "schema": {"type": "string"}}}


@blp.route("/endpoints/<id:endpoint_id>/deliveries")
class EndpointDeliveries(MethodView):
    @blp.arguments(DeliveryQuery(), location="query")
    @blp.response(200, DeliveryPage())
    @pagination.paged
    @refuses(404)
    @scope("read")
    def get(self, query: dict[str, Any], endpoint_id: str) -> Any:
        """List an endpoint's deliveries"""
        rows = deliveries.page(current_actor(), endpoint_id, query, pagination.position(query))
        page, headers = pagination.page(query, rows, lambda delivery: delivery["id"])
        return {"deliveries": page}, 200, headers


@blp.route("/endpoints/<id:endpoint_id>/replays")
class EndpointReplays(MethodView):
    @blp.arguments(PageQuery(), location="query")
    @blp.response(200, ReplayPage())
    @pagination.paged
    @refuses(404)
    @scope("read")
    def get(self, query: dict[str, Any], endpoint_id: str) -> Any:
        """List an endpoint's replays"""
        rows = replays.page(current_actor(), endpoint_id, query, pagination.position(query))
        page, headers = pagination.page(query, rows, lambda replay: replay.id)
        return {"replays": page}, 200, headers

    @blp.arguments(ReplayIn())
    @blp.response(202, ReplayOut(), headers=STARTED)
    @idempotency.idempotent
    @refuses(404, 409)
    @scope("write")
    def post(self, sent: dict[str, Any], endpoint_id: str) -> Any:
        """Deliver past events again

        The dispatcher does it in slices, behind first tries; pause it, resume it or cancel it meanwhile.
        """
        started = replays.start(current_actor(), endpoint_id, sent)
        return started, 202, {"Location": f"/v1/replays/{started.id}"}


@blp.route("/replays/<id:replay_id>")
class ReplayById(MethodView):
    @blp.response(200, ReplayOut())
    @refuses(404)
    @scope("read")
    def get(self, replay_id: str) -> Replay:
        """Get a replay's progress"""
        return replays.get(current_actor(), replay_id)


@blp.route("/replays/<id:replay_id>/pause")
class ReplayPause(MethodView):
    @blp.response(200, ReplayOut())
    @refuses(404, 409)
    @scope("write")
    def post(self, replay_id: str) -> Replay:
        """Pause a replay"""
        return replays.move(current_actor(), replay_id, "paused", origins=("running",))


@blp.route("/replays/<id:replay_id>/resume")
class ReplayResume(MethodView):
    @blp.response(200, ReplayOut())
    @refuses(404, 409)
    @scope("write")
    def post(self, replay_id: str) -> Replay:
        """Resume a paused replay"""
        return replays.move(current_actor(), replay_id, "running", origins=("paused",))


@blp.route("/replays/<id:replay_id>/cancel")
class ReplayCancel(MethodView):
    @blp.response(200, ReplayOut())
    @refuses(404, 409)
    @scope("write")
    def post(self, replay_id: str) -> Replay:
        """Cancel a replay"""
        return replays.move(current_actor(), replay_id, "cancelled", origins=("running", "paused"))


@blp.route("/deliveries/<id:delivery_id>")
class DeliveryById(MethodView):
    @blp.response(200, DeliveryWhole())
    @refuses(404)
    @scope("read")
    def get(self, delivery_id: str) -> Any:
        """Get a delivery with its tries"""
        return deliveries.get(current_actor(), delivery_id)


@blp.route("/deliveries/<id:delivery_id>/resend")
class DeliveryResend(MethodView):
    @blp.response(200, DeliveryWhole())
    @refuses(404, 409)
    @scope("write")
    def post(self, delivery_id: str) -> Any:
        """Send a delivery once more"""
        return deliveries.resend(current_actor(), delivery_id)
