"""The catalogue of commands over HTTP."""

from functools import cache
from typing import Any

from flask import Response, current_app

from taskyard.commands import service, versions
from taskyard.commands.models import CommandSchema
from taskyard.commands.push_schemas import PushSecretOut, RotateIn
from taskyard.commands.schemas import CommandIn, CommandOut, CommandPage, CommandQuery, SchemasOut, SchemasPage
from taskyard.commands.service import Registered
from taskyard.config import Config
from taskyard.core.conditions import Condition
from taskyard.egress.policy import Rules, rules_of
from taskyard.users.current import current_actor
from taskyard.web import answers, pagination
from taskyard.web.auth import scope
from taskyard.web.blueprint import Blueprint, MethodView
from taskyard.web.documented import refuses
from taskyard.web.pagination import PageQuery
from taskyard.web.versions import conditional, create_only, expected, only_new, versioned

blp = Blueprint(
    "commands",
    __name__,
    url_prefix="/v1",
    description="The catalogue of task types: what payloads and results must fit, and how tasks are run. A name holds"
    " no slash, as it stands in paths; percent-encode it there.",
)


def _rules() -> Rules:
    return _rules_of(current_app.extensions["taskyard.config"])


@cache
def _rules_of(config: Config) -> Rules:
    return rules_of(config)


LOCATION = {"Location": {"description": "Where it is.", "schema": {"type": "string"}}}


@blp.route("/commands")
class Commands(MethodView):
    @blp.arguments(CommandQuery(), location="query")
    @blp.response(200, CommandPage())
    @pagination.paged
    @scope("read")
    def get(self, query: dict[str, Any]) -> Any:
        """List commands"""
        rows = service.page(query, pagination.position(query))
        page, headers = pagination.page(query, rows, lambda row: row.command.name)
        return {"commands": page}, 200, headers


@blp.route("/commands/<name>")
class CommandByName(MethodView):
    @blp.response(200, CommandOut())
    @versioned
    @refuses(404)
    @scope("read")
    def get(self, name: str) -> Registered:
        """Get a command"""
        return service.get(name)

    @blp.arguments(CommandIn())
    @blp.response(200, CommandOut())
    @blp.alt_response(201, schema=CommandOut(), description="It is new.", headers=LOCATION)
    @versioned
    @create_only
    @refuses(404)
    @scope("write")
    def put(self, sent: dict[str, Any], name: str) -> Any:
        """Register or replace a command"""
        found, new = service.put(current_actor(), name, sent, Condition(expected(), only_new()), _rules())
        return (found, 201, {"Location": f"/v1/commands/{service.in_path(name)}"}) if new else found

    @blp.response(204)
    @conditional
    @refuses(404)
    @scope("write")
    def delete(self, name: str) -> Response:
        """Remove a command"""
        service.remove(current_actor(), name, Condition(expected()))
        return answers.nothing()


@blp.route("/commands/<name>/push/secret")
class CommandPushSecret(MethodView):
    @blp.arguments(RotateIn())
    @blp.response(200, PushSecretOut())
    @refuses(404, 409)
    @scope("write")
    def post(self, sent: dict[str, Any], name: str) -> dict[str, Any]:
        """Rotate a command's push secret

        The answer shows the new secret this once. Requests are signed with it from now on, and with the one before it
        for `overlap_s` more.
        """
        server_secret = current_app.extensions["taskyard.config"].secret
        return {"secret": service.rotate(current_actor(), name, sent["overlap_s"], server_secret)}


@blp.route("/commands/<name>/schemas")
class CommandSchemas(MethodView):
    @blp.arguments(PageQuery(), location="query")
    @blp.response(200, SchemasPage())
    @pagination.paged
    @refuses(404)
    @scope("read")
    def get(self, query: dict[str, Any], name: str) -> Any:
        """List a command's schema versions"""
        rows = versions.page(name, query, pagination.position(query))
        page, headers = pagination.page(query, rows, lambda row: row.version)
        return {"schemas": page}, 200, headers


@blp.route("/commands/<name>/schemas/<int:version>")
class CommandSchemasVersion(MethodView):
    @blp.response(200, SchemasOut())
    @refuses(404)
    @scope("read")
    def get(self, name: str, version: int) -> CommandSchema:
        """Get one schema version"""
        return versions.get(name, version)
