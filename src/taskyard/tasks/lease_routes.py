"""Leases over HTTP: what workers in any language speak."""

from typing import Any

from flask import Response

from taskyard.queue.leases import Taken
from taskyard.tasks import leases, render, settling
from taskyard.tasks.lease_schemas import ClaimIn, ExtensionsIn, ExtensionsOut, LeasesOut
from taskyard.tasks.report_schemas import ReportsIn, ReportsOut
from taskyard.users.current import current_actor
from taskyard.web import answers, caller_gone, later, preferences
from taskyard.web.auth import scope
from taskyard.web.blueprint import Blueprint, MethodView

blp = Blueprint(
    "leases", __name__, url_prefix="/v1", description="What workers do: claim tasks, keep them, settle them."
)

DRAINING = {
    "Taskyard-Worker": {
        "description": "`draining`: this worker gets nothing more. Let it finish what it has, and end.",
        "schema": {"type": "string", "enum": ["draining"]},
    }
}


@blp.route("/leases")
class Leases(MethodView):
    @blp.arguments(ClaimIn())
    @blp.response(200, LeasesOut())
    @blp.alt_response(204, description="There is no task for this worker in these queues.", headers=DRAINING)
    @scope("work")
    def post(self, sent: dict[str, Any]) -> Response:
        """Claim tasks"""
        return later.answer(leases.take(current_actor(), sent, caller_gone.watch()), _taken)


def _taken(found: Taken) -> Response:
    if not found.leases:
        return answers.nothing({"Taskyard-Worker": "draining"} if found.draining else {})
    return answers.json({"leases": [render.lease(one) for one in found.leases]})


@blp.route("/leases/extend")
class LeasesExtend(MethodView):
    @blp.arguments(ExtensionsIn())
    @blp.response(200, ExtensionsOut())
    @scope("work")
    def post(self, sent: dict[str, Any]) -> Response:
        """Extend leases"""
        beats = leases.keep(sent["leases"])
        told = [{"token": one["token"], "status": beat} for one, beat in zip(sent["leases"], beats, strict=True)]
        return answers.json({"leases": told})


@blp.route("/leases/settle")
class LeasesSettle(MethodView):
    @blp.arguments(ReportsIn())
    @blp.response(200, ReportsOut())
    @preferences.documented("`return=minimal`: of those alone that were not settled as was said.")
    @scope("work")
    def post(self, sent: dict[str, Any]) -> Response:
        """Settle leases"""
        settled = settling.report(sent["leases"])
        tokens = (token for one in sent["leases"] for token in settling.tokens(one))
        minimal = preferences.asked().minimal
        told = [
            render.settled(token, answer, state.status, faults)
            for token, (state, faults) in zip(tokens, settled, strict=True)
            if (answer := settling.answer(state)) != settling.OK or faults or not minimal
        ]
        answered = answers.json({"leases": told})
        return preferences.applied(answered, preferences.MINIMAL) if minimal else answered
