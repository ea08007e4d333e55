"""Schedules over HTTP."""

from typing import Any

from flask import Response, current_app

from taskyard.core.conditions import Condition
from taskyard.schedules import service
from taskyard.schedules.models import Schedule
from taskyard.schedules.schemas import (
    NextOut,
    NextQuery,
    RunPage,
    ScheduleIn,
    ScheduleOut,
    SchedulePage,
    ScheduleQuery,
)
from taskyard.tasks import render
from taskyard.tasks.schemas import TaskOut
from taskyard.users.current import current_actor
from taskyard.web import answers, idempotency, pagination
from taskyard.web.auth import scope
from taskyard.web.blueprint import Blueprint, MethodView
from taskyard.web.documented import refuses
from taskyard.web.pagination import PageQuery
from taskyard.web.versions import conditional, create_only, expected, only_new, stamped, versioned

blp = Blueprint(
    "schedules",
    __name__,
    url_prefix="/v1",
    description="Tasks that come again: cron in any time zone. A name is unique over all users.",
)
LOCATION = {"Location": {"description": "Where it is.", "schema": {"type": "string"}}}


def _closed() -> bool:
    closed: bool = current_app.extensions["taskyard.config"].closed_catalogue
    return closed


@blp.route("/schedules")
class Schedules(MethodView):
    @blp.arguments(ScheduleQuery(), location="query")
    @blp.response(200, SchedulePage())
    @pagination.paged
    @scope("read")
    def get(self, query: dict[str, Any]) -> Any:
        """List schedules"""
        rows = service.page(current_actor(), query, pagination.position(query))
        page, headers = pagination.page(query, rows, lambda row: row.name)
        return {"schedules": page}, 200, headers


@blp.route("/schedules/<name>")
class ScheduleByName(MethodView):
    @blp.response(200, ScheduleOut())
    @stamped
    @refuses(404)
    @scope("read")
    def get(self, name: str) -> Schedule:
        """Get a schedule"""
        return service.get(current_actor(), name)

    @blp.arguments(ScheduleIn())
    @blp.response(200, ScheduleOut())
    @blp.alt_response(201, schema=ScheduleOut(), description="It is new.", headers=LOCATION)
    @versioned
    @create_only
    @refuses(404, 409)
    @scope("write")
    def put(self, sent: dict[str, Any], name: str) -> Any:
        """Make or replace a schedule"""
        condition = Condition(expected(), only_new())
        found, new = service.put(current_actor(), name, sent, condition, closed=_closed())
        return (found, 201, {"Location": f"/v1/schedules/{name}"}) if new else found

    @blp.response(204)
    @conditional
    @refuses(404)
    @scope("write")
    def delete(self, name: str) -> Response:
        """Remove a schedule"""
        service.remove(current_actor(), name, Condition(expected()))
        return answers.nothing()


@blp.route("/schedules/<name>/pause")
class SchedulePause(MethodView):
    @blp.response(200, ScheduleOut())
    @versioned
    @conditional
    @refuses(404)
    @scope("write")
    def post(self, name: str) -> Schedule:
        """Pause a schedule"""
        return service.pause(current_actor(), name, Condition(expected()))


@blp.route("/schedules/<name>/resume")
class ScheduleResume(MethodView):
    @blp.response(200, ScheduleOut())
    @versioned
    @conditional
    @refuses(404, 409)
    @scope("write")
    def post(self, name: str) -> Schedule:
        """Resume a paused schedule"""
        return service.resume(current_actor(), name, Condition(expected()))


@blp.route("/schedules/<name>/run")
class ScheduleRunNow(MethodView):
    @blp.response(201, TaskOut(), headers=LOCATION)
    @idempotency.idempotent
    @refuses(404, 409)
    @scope("write")
    def post(self, name: str) -> Response:
        """Run a schedule's task now"""
        task = service.run(current_actor(), name, closed=_closed())
        return answers.json(render.new_task(task), 201, {"Location": f"/v1/tasks/{task.id}"})


@blp.route("/schedules/<name>/next")
class ScheduleNext(MethodView):
    @blp.arguments(NextQuery(), location="query")
    @blp.response(200, NextOut())
    @refuses(404, 409)
    @scope("read")
    def get(self, query: dict[str, Any], name: str) -> dict[str, Any]:
        """Tell the next due times"""
        return {"next": service.coming(current_actor(), name, query["count"])}


@blp.route("/schedules/<name>/runs")
class ScheduleRuns(MethodView):
    @blp.arguments(PageQuery(), location="query")
    @blp.response(200, RunPage())
    @pagination.paged
    @refuses(404)
    @scope("read")
    def get(self, query: dict[str, Any], name: str) -> Any:
        """List what became of due times"""
        rows = service.history(current_actor(), name, query, pagination.position(query))
        page, headers = pagination.page(query, rows, lambda row: row.due_at.isoformat())
        return {"runs": page}, 200, headers
