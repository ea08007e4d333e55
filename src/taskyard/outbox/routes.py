"""Endpoints over HTTP."""

import functools
from typing import Any

from flask import Response, current_app

from taskyard.config import Config
from taskyard.egress.policy import Rules, rules_of
from taskyard.outbox import deliveries, service, views
from taskyard.outbox.delivery_schemas import DeliveryWhole
from taskyard.outbox.models import Endpoint
from taskyard.outbox.schemas import (
    EndpointIn,
    EndpointNew,
    EndpointOut,
    EndpointPage,
    EndpointPatch,
    EndpointQuery,
    EndpointWhole,
)
from taskyard.outbox.secret_schemas import NewSigningSecretOut, SigningSecretIn
from taskyard.users.current import current_actor
from taskyard.web import answers, idempotency, pagination
from taskyard.web.auth import scope
from taskyard.web.blueprint import Blueprint, MethodView
from taskyard.web.documented import refuses
from taskyard.web.versions import conditional, expected, stamped, versioned

blp = Blueprint(
    "endpoints",
    __name__,
    url_prefix="/v1",
    description="Subscribers: URLs to which events are POSTed, signed, until they arrive.",
)


@functools.lru_cache(maxsize=8)
def _rules_of(config: Config) -> Rules:
    return rules_of(config)  # which may look the database's host up


def _rules() -> Rules:
    return _rules_of(current_app.extensions["taskyard.config"])


def _location(what: str) -> dict[str, Any]:
    return {"Location": {"description": what, "schema": {"type": "string"}}}


@blp.route("/endpoints")
class Endpoints(MethodView):
    @blp.arguments(EndpointQuery(), location="query")
    @blp.response(200, EndpointPage())
    @pagination.paged
    @scope("read")
    def get(self, query: dict[str, Any]) -> Any:
        """List endpoints"""
        rows = service.page(current_actor(), query, pagination.position(query))
        page, headers = pagination.page(query, rows, lambda endpoint: endpoint.id)
        return {"endpoints": page}, 200, headers

    @blp.arguments(EndpointIn())
    @blp.response(201, EndpointNew(), headers=_location("Where it is."))
    @versioned
    @refuses(409)
    @scope("write")
    def post(self, sent: dict[str, Any]) -> Any:
        """Make an endpoint

        Its secrets are in the answer, and nowhere else later.
        """
        endpoint, secrets = service.make(current_actor(), sent, _rules())
        return views.new(endpoint, secrets), 201, {"Location": f"/v1/endpoints/{endpoint.id}"}


@blp.route("/endpoints/<id:endpoint_id>")
class EndpointById(MethodView):
    @blp.response(200, EndpointWhole())
    @stamped
    @refuses(404)
    @scope("read")
    def get(self, endpoint_id: str) -> views.Whole:
        """Get an endpoint"""
        return views.whole(service.get(current_actor(), endpoint_id))

    @blp.arguments(EndpointPatch())
    @blp.response(200, EndpointOut())
    @versioned
    @refuses(404)
    @scope("write")
    def patch(self, sent: dict[str, Any], endpoint_id: str) -> Endpoint:
        """Change an endpoint"""
        return service.change(current_actor(), endpoint_id, sent, expected(), _rules())

    @blp.response(204)
    @conditional
    @refuses(404)
    @scope("write")
    def delete(self, endpoint_id: str) -> Response:
        """Remove an endpoint"""
        service.remove(current_actor(), endpoint_id, expected())
        return answers.nothing()


@blp.route("/endpoints/<id:endpoint_id>/pause")
class EndpointPause(MethodView):
    @blp.response(200, EndpointOut())
    @versioned
    @conditional
    @refuses(404)
    @scope("write")
    def post(self, endpoint_id: str) -> Endpoint:
        """Pause an endpoint"""
        return service.pause(current_actor(), endpoint_id, expected())


@blp.route("/endpoints/<id:endpoint_id>/resume")
class EndpointResume(MethodView):
    @blp.response(200, EndpointOut())
    @versioned
    @conditional
    @refuses(404)
    @scope("write")
    def post(self, endpoint_id: str) -> Endpoint:
        """Resume a paused or disabled endpoint"""
        return service.resume(current_actor(), endpoint_id, expected())


@blp.route("/endpoints/<id:endpoint_id>/test")
class EndpointTest(MethodView):
    @blp.response(202, DeliveryWhole(), headers=_location("Where the delivery is."))
    @idempotency.idempotent
    @refuses(404, 409)
    @scope("write")
    def post(self, endpoint_id: str) -> Any:
        """Send an endpoint a test"""
        delivery_id = service.test(current_actor(), endpoint_id)
        made = deliveries.get(current_actor(), delivery_id)
        return made, 202, {"Location": f"/v1/deliveries/{delivery_id}"}


@blp.route("/endpoints/<id:endpoint_id>/secrets")
class EndpointSecrets(MethodView):
    @blp.arguments(SigningSecretIn())
    @blp.response(200, NewSigningSecretOut())
    @refuses(404)
    @scope("write")
    def post(self, sent: dict[str, Any], endpoint_id: str) -> Any:
        """Replace an endpoint's secret

        The new one is shown this once; those of its kind sign along with it for `overlap_s` more.
        """
        return service.rotate(current_actor(), endpoint_id, sent["kind"], sent["overlap_s"])
