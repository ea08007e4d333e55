"""A schedule that comes due every ten minutes, and the worker who does what it makes."""

from typing import Any

from support.caller import Caller

PATH = "/v1/schedules/s"
TEN_MINUTELY = {"cron": "*/10 * * * *", "task": {"command": "c", "payload": {"n": 1}, "tags": ["t"], "priority": "low"}}


def put(caller: Caller, name: str = "s", **fields: Any) -> Any:
    answer = caller.put(f"/v1/schedules/{name}", {**TEN_MINUTELY, **fields})
    assert answer.status_code in {200, 201}, answer.json
    return answer.json


def finish(caller: Caller, limit: int = 2) -> None:
    """Let a worker do the one task that is ready, or the first of them."""
    [lease] = caller.post("/v1/leases", {"queues": ["c"], "limit": limit}).json["leases"]
    settled = caller.post("/v1/leases/settle", {"leases": [{"token": lease["token"], "outcome": "succeeded"}]})
    assert settled.json["leases"][0]["status"] == "ok"
