"""Workers over HTTP."""

from typing import Any

from taskyard.tasks import workers
from taskyard.tasks.worker_schemas import WorkerOut, WorkerPage, WorkerQuery
from taskyard.tasks.workers import Working
from taskyard.users.current import current_actor
from taskyard.web import pagination
from taskyard.web.auth import scope
from taskyard.web.blueprint import Blueprint, MethodView
from taskyard.web.documented import refuses

blp = Blueprint(
    "workers",
    __name__,
    url_prefix="/v1",
    description="Who asks for tasks, for which and running what. Workers are known by the name they give when they"
    " claim, and by whose key they use. Users see their own, moderators and admins all.",
)


@blp.route("/workers")
class Workers(MethodView):
    @blp.arguments(WorkerQuery(), location="query")
    @blp.response(200, WorkerPage())
    @pagination.paged
    @scope("read")
    def get(self, query: dict[str, Any]) -> Any:
        """List workers"""
        found = workers.page(current_actor(), query, pagination.position(query))
        page, headers = pagination.page(query, found, lambda one: [one.name, one.id])
        return {"workers": page}, 200, headers


@blp.route("/workers/<id:worker_id>/drain")
class WorkerDrain(MethodView):
    @blp.response(200, WorkerOut())
    @refuses(404)
    @scope("write")
    def post(self, worker_id: str) -> Working:
        """Give a worker nothing more"""
        return workers.drain(current_actor(), worker_id)


@blp.route("/workers/<id:worker_id>/resume")
class WorkerResume(MethodView):
    @blp.response(200, WorkerOut())
    @refuses(404)
    @scope("write")
    def post(self, worker_id: str) -> Working:
        """Let a drained worker claim again"""
        return workers.resume(current_actor(), worker_id)
