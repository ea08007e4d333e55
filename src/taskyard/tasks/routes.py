"""Tasks over HTTP."""

from typing import Any

from flask import Response, current_app

from taskyard.tasks import batches, preferred, render, service, submission
from taskyard.tasks.batch_schemas import LINES, BatchIn, BatchOut, BatchQuery
from taskyard.tasks.explain import Explanation, explain
from taskyard.tasks.explain_schemas import ExplanationOut
from taskyard.tasks.schemas import AttemptPage, AttemptQuery, TaskIn, TaskOut, TaskPage, TaskPatch, TaskQuery
from taskyard.users.current import current_actor
from taskyard.web import answers, bodies, idempotency, pagination, preferences
from taskyard.web.auth import scope
from taskyard.web.blueprint import Blueprint, MethodView
from taskyard.web.documented import refuses

LOCATION = {"Location": {"description": "Where it is.", "schema": {"type": "string"}}}
blp = Blueprint("tasks", __name__, url_prefix="/v1", description="Units of work: submit, read, change, cancel, retry.")


@blp.route("/tasks")
class Tasks(MethodView):
    @blp.arguments(TaskQuery(), location="query")
    @blp.response(200, TaskPage())
    @pagination.paged
    @scope("read")
    def get(self, query: dict[str, Any]) -> Response:
        """List tasks"""
        rows = service.newest(current_actor(), query, pagination.position(query))
        page, headers = pagination.page(query, rows, lambda row: row.id)
        return answers.json({"tasks": [render.task(row) for row in page]}, headers=headers)

    @blp.arguments(TaskIn())
    @blp.response(201, TaskOut(), headers=LOCATION)
    @blp.alt_response(200, schema=TaskOut(), description="The task that has its unique key.", headers=LOCATION)
    @blp.alt_response(202, schema=TaskOut(), description="It has not ended in the time preferred.", headers=LOCATION)
    @preferred.answering
    @idempotency.idempotent
    @refuses(409)
    @scope("write")
    def post(self, sent: dict[str, Any]) -> Response:
        """Submit a task"""
        closed = current_app.extensions["taskyard.config"].closed_catalogue
        return answers.ready(submission.submit(current_actor(), sent, idempotency.take(), closed=closed))


@blp.route("/tasks/batch")
class TasksBatch(MethodView):
    @bodies.up_to("max_batch_body")
    @blp.arguments(BatchIn(), description=LINES)
    @blp.arguments(BatchQuery(), location="query")
    @blp.response(200, BatchOut())
    @preferences.documented("`return=minimal`: of each task its id alone.")
    @idempotency.idempotent
    @refuses(409)
    @scope("write")
    def post(self, sent: dict[str, Any], query: dict[str, Any]) -> Response:
        """Submit many tasks"""
        atomic = sent.get("atomic", query["atomic"])
        closed = current_app.extensions["taskyard.config"].closed_catalogue
        minimal = preferences.asked().minimal
        return answers.ready(
            batches.submit(
                current_actor(), sent["tasks"], idempotency.take(), atomic=atomic, closed=closed, minimal=minimal
            )
        )


@blp.route("/tasks/<id:task_id>")
class TaskById(MethodView):
    @blp.response(200, TaskOut())
    @preferred.waiting
    @refuses(404)
    @scope("read")
    def get(self, task_id: str) -> Response:
        """Get a task"""
        return answers.json(render.task(service.get(current_actor(), task_id)))

    @blp.arguments(TaskPatch())
    @blp.response(200, TaskOut())
    @refuses(404, 409)
    @scope("write")
    def patch(self, sent: dict[str, Any], task_id: str) -> Response:
        """Change a waiting task"""
        return answers.json(render.task(service.change(current_actor(), task_id, sent)))

    @blp.response(204)
    @refuses(404, 409)
    @scope("write")
    def delete(self, task_id: str) -> Response:
        """Delete an ended task"""
        service.remove(current_actor(), task_id)
        return answers.nothing()


@blp.route("/tasks/<id:task_id>/cancel")
class TaskCancel(MethodView):
    @blp.response(200, TaskOut())
    @refuses(404, 409)
    @scope("write")
    def post(self, task_id: str) -> Response:
        """Cancel a task"""
        return answers.json(render.task(service.cancel(current_actor(), task_id)))


@blp.route("/tasks/<id:task_id>/retry")
class TaskRetry(MethodView):
    @blp.response(200, TaskOut())
    @refuses(404, 409)
    @scope("write")
    def post(self, task_id: str) -> Response:
        """Retry an unsuccessful task"""
        return answers.json(render.task(service.retry(current_actor(), task_id)))


@blp.route("/tasks/<id:task_id>/explain")
class TaskExplain(MethodView):
    @blp.response(200, ExplanationOut())
    @refuses(404)
    @scope("read")
    def get(self, task_id: str) -> Explanation:
        """Explain why it waits"""
        return explain(current_actor(), task_id)


@blp.route("/tasks/<id:task_id>/attempts")
class TaskAttempts(MethodView):
    @blp.arguments(AttemptQuery(), location="query")
    @blp.response(200, AttemptPage())
    @pagination.paged
    @refuses(404)
    @scope("read")
    def get(self, query: dict[str, Any], task_id: str) -> Response:
        """List a task's attempts"""
        after = pagination.position(query) or 0
        page, position = service.attempts(current_actor(), task_id, query["limit"], after)
        headers = {} if position is None else pagination.following(query, position)
        return answers.json({"attempts": page}, headers=headers)
