"""What the server answers, as frozen objects; fields that a newer server adds are passed over."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache, cached_property
from typing import Any, NamedTuple, Self

OPEN = frozenset({"scheduled", "queued", "running"})
_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))  # json.dumps would make one for each value


@dataclass(frozen=True)
class Resource:
    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        names, times = _plan(cls)  # type: ignore[arg-type]  # classes are hashable
        as_known = found.keys() == names
        values = dict(found) if as_known else {name: value for name, value in found.items() if name in names}
        for name in times:
            if isinstance(at := values.get(name), str):
                values[name] = datetime.fromisoformat(at)
        if not as_known:
            return cls(**values)
        made = object.__new__(cls)  # what frozen fields are set by takes twice as long
        vars(made).update(values)
        return made


class _Plan(NamedTuple):
    names: frozenset[str]  # of its fields
    times: list[str]  # of those that are moments


@cache  # there may be thousands in one answer
def _plan(of: type[Resource]) -> _Plan:
    names = frozenset(one.name for one in fields(of))
    return _Plan(names, [name for name in names if name.endswith(("_at", "_since", "_until"))])


@dataclass(frozen=True)
class Running(Resource):
    """The attempt under way."""

    worker: str
    started_at: datetime
    expires_at: datetime
    progress: int | None = None  # percent
    note: str | None = None
    cancel_requested_at: datetime | None = None


@dataclass(frozen=True)
class LeasedTask(Resource):
    """What a worker needs to know of a task."""

    id: str
    command: str
    command_version: int | None
    queue: str
    priority: str
    payload: Any
    tags: list[str]
    created_at: datetime
    timeout_s: int
    max_attempts: int
    group_id: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Task(LeasedTask):
    """A task: scheduled, queued or running; then succeeded, failed, cancelled, expired or lost."""

    status: str
    owner_id: str
    run_at: datetime
    expires_at: datetime | None
    finished_at: datetime | None
    attempts: int
    failures: int
    crashes: int
    result: Any
    error: Any
    lease: Running | None
    max_crashes: int | None = None
    backoff: dict[str, Any] | None = None
    retry_until: datetime | None = None
    on_lost: str = "retry"
    unique_key: str | None = None
    after: list[str] = field(default_factory=list)
    on_failure: str | None = None
    schedule: str | None = None
    limit_key: str | None = None
    fairness_key: str | None = None

    @property
    def ended(self) -> bool:
        return self.status not in OPEN

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        lease = found.get("lease")
        return super().from_json({**found, "lease": Running.from_json(lease)} if lease else found)


@dataclass(frozen=True)
class Attempt(Resource):
    """One run of a task: running, succeeded, failed, released, cancelled or lost."""

    number: int
    outcome: str
    worker: str
    started_at: datetime
    ended_at: datetime | None
    error: Any
    log: str


@dataclass(frozen=True)
class Lease(Resource):
    """A task in a worker's hands until `expires_at`; `token` alone authorises what is done with it."""

    task: LeasedTask
    attempt: int
    token: str
    expires_at: datetime

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        return super().from_json({**found, "task": LeasedTask.from_json(found["task"])})


class Claimed(list[Lease]):
    """What a claim got. `draining`: the server gives this worker nothing more, so that it ends when it is done."""

    def __init__(self, leases: Iterable[Lease], *, draining: bool = False) -> None:
        super().__init__(leases)
        self.draining = draining


@dataclass(frozen=True)
class Settled(Resource):
    """What became of a report: ok, stale (nothing has changed) or cancelled; and what the task is now."""

    status: str
    task_status: str | None
    errors: list[dict[str, Any]] = field(default_factory=list)
    token: str | None = None  # of the lease


@dataclass(frozen=True)
class Reason(Resource):
    """One reason why a task does not run, and what to do about it."""

    code: str
    detail: str
    action: str


@dataclass(frozen=True)
class Explanation(Resource):
    """Every reason why a task does not run, the one that decides first; and what happens next."""

    id: str
    status: str
    reasons: list[Reason]
    next: str

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        return super().from_json({**found, "reasons": [Reason.from_json(one) for one in found["reasons"]]})


class Sent:
    """What is sent as a JSON object without its empty fields."""

    @cached_property
    def encoded(self) -> bytes:
        """Raises:
        TypeError, ValueError: something in it is no JSON.
        """
        told = {name: value for name, value in vars(self).items() if value is not None}
        return encode(told)


@dataclass(frozen=True)
class Extension(Sent):
    """A sign of life for one lease: `progress` in percent, `log` is text to add to the attempt's."""

    token: str
    lease_s: int
    progress: int | None = None
    note: str | None = None
    log: str | None = None


@dataclass(frozen=True)
class Report(Sent):
    """How one attempt ended: succeeded (`result`), failed (`error`) or released (given back unfinished)."""

    token: str
    outcome: str
    result: Any = None
    error: Any = None
    retry_in_s: float | None = None
    retry: bool | None = None  # False with failed: the task fails at once
    log: str | None = None


def encode(value: Any) -> bytes:
    """JSON as the server reads it: no NaN, no lone surrogates as bytes.

    Raises:
        TypeError, ValueError: it is none.
    """
    return _ENCODER.encode(value).encode()
