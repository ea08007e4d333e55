"""Run by a test in a process of its own, under gevent: looks for greenlet switches within a write transaction.

Prints one JSON object: how many write transactions there were, the statuses of the answers, and for each switch that
must not be the frames of the greenlet that yielded.
"""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402  # everything else comes after the patch
import sys  # noqa: E402
import traceback  # noqa: E402
from collections import Counter  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
import greenlet  # noqa: E402
from sqlalchemy import event  # noqa: E402

from support.caller import Caller  # noqa: E402
from support.people import ADA, ALICE  # noqa: E402
from taskyard.app import create_app  # noqa: E402
from taskyard.config import Config  # noqa: E402
from taskyard.core import transaction  # noqa: E402

CLIENTS = 4
COMMIT = transaction._commit.__code__  # hands the wait for the disk to a thread, when all is written


class Trace:
    def __init__(self) -> None:
        self.writer: Any = None  # the greenlet with a write transaction open
        self.transactions = 0
        self.faults: list[list[str]] = []

    def begin(self, _connection: object) -> None:
        self.writer = greenlet.getcurrent()
        self.transactions += 1

    def end(self, _connection: object) -> None:
        self.writer = None

    def switched(self, _kind: str, pair: tuple[Any, Any]) -> None:
        yielding, _ = pair
        if yielding is self.writer and not self._commits(yielding.gr_frame):
            self.faults.append(traceback.format_stack(yielding.gr_frame)[-12:])

    @staticmethod
    def _commits(frame: Any) -> bool:
        while frame is not None:
            if frame.f_code is COMMIT:
                return True
            frame = frame.f_back
        return False


def day(app: Any, number: int) -> list[int]:
    """What a client does in a day."""
    alice, ada = Caller(app, ALICE), Caller(app, ADA)
    own = f"c{number}"
    tasks = [alice.post("/v1/tasks", {"command": own, "tags": ["t"]}, headers=once(number, n)) for n in range(4)]
    paths = [task.headers["Location"] for task in tasks]
    answers = [*tasks, alice.patch(paths[0], {"priority": "high"}), alice.post(f"{paths[1]}/cancel")]
    answers += [alice.post(f"{paths[1]}/retry"), alice.post("/v1/leases", {"queues": [own], "wait": 0.2})]
    claimed = alice.post("/v1/leases", {"queues": [own, "none"], "limit": 2, "claim_id": own})
    tokens = [lease["token"] for lease in (claimed.json or {}).get("leases", [])] or ["none"]
    answers += [alice.post("/v1/leases/extend", {"leases": [{"token": one} for one in tokens]})]
    reports = [{"token": one, "outcome": "failed"} for one in tokens]
    answers += [alice.post("/v1/leases/settle", {"leases": reports}), alice.get("/v1/tasks")]
    user = {"name": "Dora", "email": f"dora{number}@example.com", "password": "a long passphrase of hers"}
    made = ada.post("/v1/users", user, headers=once(number, 9))
    answers += [made, ada.post("/v1/users", user), ada.patch(made.headers["Location"], {"name": "Dora D."})]
    answers += [ada.put(f"/v1/commands/{own}", {"description": "d"})]
    form = {"grant_type": "password", "username": user["email"], "password": user["password"]}
    answers += [ada.post("/v1/auth/token", data=form), ada.delete(made.headers["Location"])]
    return [answer.status_code for answer in [*answers, claimed]]


def once(number: int, call: int) -> dict[str, str]:
    return {"Idempotency-Key": f"{number}-{call}"}


def main(url: str, instance: str) -> None:
    secret = b"a secret for tests that is long enough"
    app = create_app(Config(Path(instance), url, secret, access_log=False, log_level="ERROR", key_cache_s=0))
    app.testing = False
    database = app.extensions["taskyard.database"]
    trace = Trace()
    event.listen(database.write, "begin", trace.begin)
    event.listen(database.write, "commit", trace.end)
    event.listen(database.write, "rollback", trace.end)
    greenlet.settrace(trace.switched)
    days = [gevent.spawn(day, app, number) for number in range(CLIENTS)]
    gevent.joinall(days, timeout=60, raise_error=True)
    greenlet.settrace(None)
    statuses = Counter(status for one in days for status in one.value)
    print(json.dumps({"transactions": trace.transactions, "statuses": statuses, "faults": trace.faults}))
    database.dispose()


main(*sys.argv[1:])
