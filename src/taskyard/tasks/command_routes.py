"""Tasks of registered commands over HTTP: submit one, try schemas on those there are."""

from typing import Any

from flask import Response, current_app

from taskyard.commands.schemas import CheckIn, CheckOut
from taskyard.tasks import preferred, submission, trials
from taskyard.tasks.schemas import CommandTaskIn, TaskOut
from taskyard.users.current import current_actor
from taskyard.web import answers, idempotency
from taskyard.web.auth import scope
from taskyard.web.blueprint import Blueprint, MethodView
from taskyard.web.documented import refuses

blp = Blueprint(
    "command-tasks",
    __name__,
    url_prefix="/v1",
    description="Tasks of registered commands: submit one with its payload's own schema, try a schema on recent ones.",
)
LOCATION = {"Location": {"description": "Where it is.", "schema": {"type": "string"}}}


@blp.route("/commands/<name>/tasks")
class CommandTasks(MethodView):
    @blp.arguments(CommandTaskIn())
    @blp.response(201, TaskOut(), headers=LOCATION)
    @blp.alt_response(200, schema=TaskOut(), description="The task that has its unique key.", headers=LOCATION)
    @blp.alt_response(202, schema=TaskOut(), description="It has not ended in the time preferred.", headers=LOCATION)
    @preferred.answering
    @idempotency.idempotent
    @refuses(404, 409)
    @scope("write")
    def post(self, sent: dict[str, Any], name: str) -> Response:
        """Submit a task of a command"""
        closed = current_app.extensions["taskyard.config"].closed_catalogue
        return answers.ready(
            submission.submit_registered(current_actor(), name, sent, idempotency.take(), closed=closed)
        )


@blp.route("/commands/<name>/check")
class CommandCheck(MethodView):
    @blp.arguments(CheckIn())
    @blp.response(200, CheckOut())
    @refuses(404)
    @scope("read")
    def post(self, sent: dict[str, Any], name: str) -> Response:
        """Try schemas on recent tasks"""
        return answers.json(trials.tried(current_actor(), name, sent))
