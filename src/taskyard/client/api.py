"""The API in Python: one method per deed."""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias, overload
from urllib.parse import quote
from uuid import uuid4

from taskyard.client.errors import NotEnded, TaskyardError, from_problem
from taskyard.client.grouping import Grouping, Tasks, plain
from taskyard.client.hooks import Hooks
from taskyard.client.leasing import Leasing
from taskyard.client.operating import Operating
from taskyard.client.oversight import Oversight
from taskyard.client.resources import Attempt, Explanation, Task, encode
from taskyard.client.transport import MINIMAL, Request, pauses

MAX_WAIT_S = 20.0  # what the server holds an answer back for, at most
LOOK_EVERY_S = 1.0  # where it does not
Attempts: TypeAlias = list[Attempt]  # inside the class `list` is the method
Submitted: TypeAlias = list[Task]
SubmittedOrNot: TypeAlias = list[Task | TaskyardError]
Ids: TypeAlias = list[str]


class Client(Leasing, Grouping, Oversight, Operating, Hooks):
    """A Taskyard server: submit tasks and see what becomes of them. Session says what may be given.

    Every method raises TaskyardError (errors.py has its kinds).
    """

    def submit(
        self,
        command: str,
        payload: Any = None,
        *,
        priority: str | None = None,
        queue: str | None = None,
        run_at: datetime | None = None,
        delay_s: float | None = None,
        expires_at: datetime | None = None,
        tags: Sequence[str] = (),
        max_attempts: int | None = None,
        timeout_s: int | None = None,
        max_crashes: int | None = None,
        backoff: dict[str, Any] | None = None,
        on_lost: str | None = None,
        unique: dict[str, Any] | None = None,
        after: Sequence[str] = (),
        on_failure: str | None = None,
        limit_key: str | None = None,
        fairness_key: str | None = None,
        idempotency_key: str | None = None,
        wait_s: int = 0,
    ) -> Task:
        """Submit a task, and wait up to `wait_s` seconds (20 at most) for its end.

        A lost answer is asked for again under the same idempotency key, so it never becomes two.
        Give a key of your own (your order's number, say) where your program may repeat the whole call.
        It waits for the tasks named in `after`, by id, to succeed.
        """
        sent = {
            "priority": priority,
            "queue": queue,
            "run_at": run_at.isoformat() if run_at else None,
            "delay_s": delay_s,
            "expires_at": expires_at.isoformat() if expires_at else None,
            "tags": [*tags] or None,
            "max_attempts": max_attempts,
            "timeout_s": timeout_s,
            "max_crashes": max_crashes,
            "backoff": backoff,
            "on_lost": on_lost,
            "unique": unique,
            "after": [*after] or None,
            "on_failure": on_failure,
            "limit_key": limit_key,
            "fairness_key": fairness_key,
        }
        body = {"command": command, "payload": payload, **{k: v for k, v in sent.items() if v is not None}}
        headers = {"Idempotency-Key": idempotency_key or str(uuid4()), **_waiting(wait_s)}
        return self._task(Request("POST", "/v1/tasks", encode(body), headers=headers, wait_s=wait_s))

    @overload
    def submit_many(self, tasks: Tasks, *, idempotency_key: str | None = None) -> Submitted: ...

    @overload
    def submit_many(
        self, tasks: Tasks, *, atomic: Literal[False], idempotency_key: str | None = None
    ) -> SubmittedOrNot: ...

    @overload
    def submit_many(self, tasks: Tasks, *, minimal: Literal[True], idempotency_key: str | None = None) -> Ids: ...

    def submit_many(
        self, tasks: Tasks, *, atomic: bool = True, minimal: bool = False, idempotency_key: str | None = None
    ) -> Any:
        """Submit up to 1,000 tasks, each with the fields of `submit`, in one transaction: all of them or none.

        With `atomic=False` each for itself: in place of one that was refused stands the error. With `minimal=True` come
        the ids of the tasks alone, which is faster.
        """
        body = encode({"tasks": [plain(one) for one in tasks], "atomic": atomic})
        headers = {"Idempotency-Key": idempotency_key or str(uuid4())} | ({"Prefer": MINIMAL} if minimal else {})
        answer = self._send(Request("POST", "/v1/tasks/batch", body, headers=headers))
        return [self._submitted(one, minimal) for one in answer.json()["tasks"]]

    def _submitted(self, one: dict[str, Any], minimal: bool) -> Task | str | TaskyardError:
        """One of a batch; a repeat of a minimal one does not show the task."""
        if one["problem"] is not None:
            return from_problem(one["status"], one["problem"], None)
        if "task" not in one:
            return str(one["id"]) if minimal else self.get(one["id"])
        task = Task.from_json(one["task"])
        return task.id if minimal else task

    def get(self, task_id: str) -> Task:
        return self._task(Request("GET", _path(task_id)))

    def wait(self, task_id: str, timeout_s: float | None = None) -> Task:
        """The task once it has ended.

        Raises:
            NotEnded: it is still open after `timeout_s` seconds.
        """
        give_up_at = None if timeout_s is None else time.monotonic() + timeout_s
        for pause_s in pauses():
            left = MAX_WAIT_S if give_up_at is None else min(MAX_WAIT_S, give_up_at - time.monotonic())
            hold_s = max(0, int(left))
            answer = self._send(Request("GET", _path(task_id), headers=_waiting(hold_s), wait_s=hold_s))
            task = Task.from_json(answer.json())
            if task.ended:
                return task
            if left <= 0:
                raise NotEnded("The task is still open", f"{task.id} is {task.status}.", status=answer.status)
            if "wait" not in answer.headers.get("Preference-Applied", ""):  # the server did not hold the answer back
                time.sleep(min(pause_s, left, LOOK_EVERY_S))
        raise AssertionError("pauses never end")

    def cancel(self, task_id: str) -> Task:
        """Cancel it: at once where it waits; where it runs, its worker is told at its next heartbeat."""
        return self._task(Request("POST", _path(task_id, "cancel")))

    def retry(self, task_id: str) -> Task:
        """Run a task that ended without success again."""
        return self._task(Request("POST", _path(task_id, "retry"), repeatable=False))

    def delete(self, task_id: str) -> None:
        """Delete a task that has ended."""
        self._send(Request("DELETE", _path(task_id), repeatable=False))

    def attempts(self, task_id: str) -> Attempts:
        """Its runs, first to last, the one under way included."""
        return [Attempt.from_json(one) for one in self._listed(_path(task_id, "attempts"), "attempts", limit=200)]

    def explain(self, task_id: str) -> Explanation:
        """Why it does not run just now."""
        return Explanation.from_json(self._send(Request("GET", _path(task_id, "explain"))).json())

    def list(
        self,
        *,
        status: str | None = None,
        command: str | None = None,
        queue: str | None = None,
        tag: str | None = None,
        group: str | None = None,
        schedule: str | None = None,
        owner: str | None = None,
        created_from: datetime | None = None,
        created_until: datetime | None = None,
        page_size: int = 100,
    ) -> Iterator[Task]:
        """Tasks, newest first, page by page as they are asked for. `owner`: me (unless given), all, or a user's id."""
        found = self._listed(
            "/v1/tasks",
            "tasks",
            status=status,
            command=command,
            queue=queue,
            tag=tag,
            group=group,
            schedule=schedule,
            owner=owner,
            created_from=created_from,
            created_until=created_until,
            limit=page_size,
        )
        return (Task.from_json(one) for one in found)

    def _task(self, request: Request) -> Task:
        return Task.from_json(self._send(request).json())


def _waiting(hold_s: int) -> dict[str, str]:
    return {"Prefer": f"wait={hold_s}"} if hold_s else {}


def _path(task_id: str, *deed: str) -> str:
    return "/".join(["/v1/tasks", quote(task_id, safe=""), *deed])
