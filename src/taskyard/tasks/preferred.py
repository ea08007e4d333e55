"""`Prefer` on tasks: the answer is held back until the task has ended, or shows no more than where it is."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import Response

from taskyard.core.db import database
from taskyard.core.errors import NotFound
from taskyard.queue.lifecycle import OUTCOMES
from taskyard.tasks import render, service
from taskyard.tasks.results import results
from taskyard.users.current import current_actor
from taskyard.web import answers, caller_gone, preferences
from taskyard.web.documented import note

F = TypeVar("F", bound=Callable[..., Any])
REPLAYED = "Idempotency-Replayed"
WAIT = "wait=N`: the answer comes once the task has ended, or after N seconds (20 at most)"
READ = preferences.header(f"`{WAIT}, with the task as it is then.")
SUBMIT = preferences.header(f"`{WAIT}, then with 202.", "`return=minimal`: no body, the Location says where it is.")


def waiting(view: F) -> F:
    """Honour `wait` on reading the task named in the path."""

    @wraps(view)
    def wrapper(self: Any, task_id: str) -> Any:
        wait_s = preferences.asked().wait_s
        if not wait_s:
            return view(self, task_id)
        _wait(task_id, wait_s)
        return preferences.applied(view(self, task_id), f"wait={wait_s}")

    note(wrapper, parameters=[READ], headers=preferences.APPLIED)
    return wrapper  # type: ignore[return-value]  # the wrapper takes and gives what the view does


def answering(view: F) -> F:
    """Honour `wait` and `return=minimal` on submitting a task.

    Stands above `idempotent`, so that a repeat waits too.
    """

    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Response:
        response: Response = view(*args, **kwargs)
        asked = preferences.asked()
        if response.status_code >= 300 or asked == preferences.NONE:
            return response
        if asked.wait_s:
            return preferences.applied(_awaited(response, asked.wait_s), f"wait={asked.wait_s}")
        minimal = Response(status=response.status_code, headers=_kept(response))
        return preferences.applied(minimal, preferences.MINIMAL)

    note(wrapper, parameters=[SUBMIT], headers=preferences.APPLIED)
    return wrapper  # type: ignore[return-value]  # the wrapper takes and gives what the view does


def _awaited(accepted: Response, wait_s: int) -> Response:
    """The task as it is after the wait: answered as it was accepted where it has ended, else with 202."""
    task_id = accepted.headers["Location"].rpartition("/")[2]
    try:
        _wait(task_id, wait_s)
        row = service.get(current_actor(), task_id)
    except NotFound:  # somebody has deleted it meanwhile
        return accepted
    status = accepted.status_code if row.status in OUTCOMES else 202
    return answers.json(render.task(row), status, _kept(accepted))


def _kept(accepted: Response) -> dict[str, str]:
    return {name: accepted.headers[name] for name in ("Location", REPLAYED) if name in accepted.headers}


def _wait(task_id: str, wait_s: int) -> None:
    actor = current_actor()
    results(database()).until(
        task_id, lambda: service.get(actor, task_id).status in OUTCOMES, wait_s, caller_gone.watch()
    )
