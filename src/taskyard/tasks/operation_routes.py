"""Operations over HTTP."""

from typing import Any

from taskyard.tasks import operations
from taskyard.tasks.operation_models import Operation
from taskyard.tasks.operation_schemas import DryRunOut, OperationIn, OperationOut, OperationPage, OperationQuery
from taskyard.users.current import current_actor
from taskyard.web import answers, idempotency, pagination
from taskyard.web.auth import scope
from taskyard.web.blueprint import Blueprint, MethodView
from taskyard.web.documented import refuses

blp = Blueprint(
    "operations",
    __name__,
    url_prefix="/v1",
    description="One deed on all tasks that a filter finds: tried first (`dry_run`), then done in the background.",
)
LOCATION = {"Location": {"description": "Where its progress is.", "schema": {"type": "string"}}}


@blp.route("/operations")
class Operations(MethodView):
    @blp.arguments(OperationQuery(), location="query")
    @blp.response(200, OperationPage())
    @pagination.paged
    @scope("read")
    def get(self, query: dict[str, Any]) -> Any:
        """List operations"""
        rows = operations.page(current_actor(), query, pagination.position(query))
        page, headers = pagination.page(query, rows, lambda operation: operation.id)
        return {"operations": page}, 200, headers

    @blp.arguments(OperationIn())
    @blp.response(202, OperationOut(), headers=LOCATION)
    @blp.alt_response(200, schema=DryRunOut(), description="With `dry_run`: what it would find.")
    @idempotency.idempotent
    @scope("write")
    def post(self, sent: dict[str, Any]) -> Any:
        """Start an operation

        `retry`, `cancel`, `delete` or `move` all tasks that the filter finds and that were there when it was started.
        The dispatcher does it in slices; pause it, resume it or cancel it meanwhile.
        """
        if sent["dry_run"]:
            return answers.json(operations.tried(current_actor(), sent))
        started = operations.start(current_actor(), sent)
        return started, 202, {"Location": f"/v1/operations/{started.id}"}


@blp.route("/operations/<id:operation_id>")
class OperationById(MethodView):
    @blp.response(200, OperationOut())
    @refuses(404)
    @scope("read")
    def get(self, operation_id: str) -> Operation:
        """Get an operation's progress"""
        return operations.get(current_actor(), operation_id)


@blp.route("/operations/<id:operation_id>/pause")
class OperationPause(MethodView):
    @blp.response(200, OperationOut())
    @refuses(404, 409)
    @scope("write")
    def post(self, operation_id: str) -> Operation:
        """Pause an operation"""
        return operations.pause(current_actor(), operation_id)


@blp.route("/operations/<id:operation_id>/resume")
class OperationResume(MethodView):
    @blp.response(200, OperationOut())
    @refuses(404, 409)
    @scope("write")
    def post(self, operation_id: str) -> Operation:
        """Resume a paused operation"""
        return operations.resume(current_actor(), operation_id)


@blp.route("/operations/<id:operation_id>/cancel")
class OperationCancel(MethodView):
    @blp.response(200, OperationOut())
    @refuses(404, 409)
    @scope("write")
    def post(self, operation_id: str) -> Operation:
        """Cancel an operation"""
        return operations.cancel(current_actor(), operation_id)
