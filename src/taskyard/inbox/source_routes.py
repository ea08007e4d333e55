"""Sources over HTTP."""

from typing import Any

from flask import Response

from taskyard.core.conditions import Condition
from taskyard.inbox import sources
from taskyard.inbox.models import Source
from taskyard.inbox.source_schemas import SourceIn, SourceOut, SourcePage, SourceQuery
from taskyard.users.current import current_actor
from taskyard.web import answers, pagination
from taskyard.web.auth import scope
from taskyard.web.blueprint import Blueprint, MethodView
from taskyard.web.documented import refuses
from taskyard.web.versions import conditional, create_only, expected, only_new, versioned

LOCATION = {"Location": {"description": "Where it is.", "schema": {"type": "string"}}}
blp = Blueprint(
    "sources",
    __name__,
    url_prefix="/v1",
    description="Where webhooks come in, at /hooks/{name}: how they are verified, and which tasks they become. A name"
    " is unique over all users.",
)


@blp.route("/sources")
class Sources(MethodView):
    @blp.arguments(SourceQuery(), location="query")
    @blp.response(200, SourcePage())
    @pagination.paged
    @scope("read")
    def get(self, query: dict[str, Any]) -> Any:
        """List sources"""
        rows = sources.page(current_actor(), query, pagination.position(query))
        page, headers = pagination.page(query, rows, lambda row: row.name)
        return {"sources": page}, 200, headers


@blp.route("/sources/<name>")
class SourceByName(MethodView):
    @blp.response(200, SourceOut())
    @versioned
    @refuses(404)
    @scope("read")
    def get(self, name: str) -> Source:
        """Get a source"""
        return sources.get(current_actor(), name)

    @blp.arguments(SourceIn())
    @blp.response(200, SourceOut())
    @blp.alt_response(201, schema=SourceOut(), description="It is new.", headers=LOCATION)
    @versioned
    @create_only
    @refuses(404, 409)
    @scope("write")
    def put(self, sent: dict[str, Any], name: str) -> Any:
        """Make or replace a source"""
        found, new = sources.put(current_actor(), name, sent, Condition(expected(), only_new()))
        return (found, 201, {"Location": f"/v1/sources/{name}"}) if new else found

    @blp.response(204)
    @conditional
    @refuses(404)
    @scope("write")
    def delete(self, name: str) -> Response:
        """Remove a source"""
        sources.remove(current_actor(), name, Condition(expected()))
        return answers.nothing()
