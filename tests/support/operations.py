"""Operations as their owner starts and follows them, and the dispatcher that does them."""

from typing import Any

from flask import Flask

from support.caller import Caller
from support.description import Described
from taskyard.core import transaction
from taskyard.dispatcher.duties import all_duties

FAILED = {"command": "c", "status": "failed"}


def submit(who: Caller, **sent: Any) -> str:
    created: str = who.post("/v1/tasks", {"command": "c", **sent}).json["id"]
    return created


def fail(who: Caller, count: int = 1, **sent: Any) -> list[str]:
    ids = [submit(who, max_attempts=1, **sent) for _ in range(count)]
    leases = who.post("/v1/leases", {"queues": [sent.get("queue", "c")], "limit": count}).json["leases"]
    reports = [{"token": lease["token"], "outcome": "failed", "error": "boom"} for lease in leases]
    who.post("/v1/leases/settle", {"leases": reports})
    return ids


def start(who: Caller, action: str, wanted: dict[str, Any], **more: Any) -> str:
    answer = who.post("/v1/operations", {"action": action, "filter": wanted, **more})
    assert answer.status_code == 202, answer.text
    assert Described(who.app).faults("POST", "/v1/operations", answer) == []
    assert answer.headers["Location"] == f"/v1/operations/{answer.json['id']}"
    assert (answer.json["state"], answer.json["matched"]) == ("running", 0)
    path: str = answer.headers["Location"]
    return path


def dispatch(app: Flask, slices: int = 99) -> int:
    """So many slices, or as many as it takes; how many there were."""
    [duty] = [duty for duty in all_duties(idempotency_s=86_400) if duty.name == "operate"]
    for done in range(slices):
        found = duty.found(app.extensions["taskyard.database"])
        if found is None:
            return done
        with transaction.own(app.extensions["taskyard.database"]) as connection:
            duty.run(connection, *found)
    return slices


def progress(who: Caller, path: str) -> tuple[str, int, int, int]:
    told = who.get(path)
    assert Described(who.app).faults("GET", path, told) == []
    return tuple(told.json[name] for name in ("state", "matched", "changed", "refused"))  # type: ignore[return-value]
