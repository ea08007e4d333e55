"""What workers ask for: claim tasks, keep them, settle them."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from taskyard.client.resources import Claimed, Extension, Lease, Report, Settled, encode
from taskyard.client.session import Session
from taskyard.client.transport import MINIMAL, Request


class Leasing(Session):
    def claim(
        self,
        queues: Sequence[str],
        *,
        limit: int = 1,
        lease_s: int = 60,
        wait_s: float = 0,
        worker: str | None = None,
        claim_id: str | None = None,
        retry_for_s: float | None = None,
    ) -> Claimed:
        """Lease up to `limit` (1,000 at most) tasks; with `wait_s` (20 at most) until there is one. [] is none.

        After a lost answer the same claim id gets the same leases. `draining` is set on what is returned where the
        server wants this worker to end.
        """
        sent = {
            "queues": [*queues],
            "limit": limit,
            "lease_s": lease_s,
            "wait": wait_s,
            "claim_id": claim_id or str(uuid4()),
        } | ({"worker": worker} if worker else {})
        answer = self._send(Request("POST", "/v1/leases", encode(sent), wait_s=wait_s), retry_for_s)
        draining = answer.headers.get("Taskyard-Worker") == "draining"
        return Claimed([] if answer.status == 204 else map(Lease.from_json, answer.json()["leases"]), draining=draining)

    def extend(self, extensions: Sequence[Extension], *, retry_for_s: float | None = None) -> list[str]:
        """Extend leases; ok, stale (no longer yours: stop) or cancel (stop, then settle) for each, in their order."""
        request = Request("POST", "/v1/leases/extend", _many(extensions))
        return [str(one["status"]) for one in self._send(request, retry_for_s).json()["leases"]]

    def settle(self, reports: Sequence[Report], *, retry_for_s: float | None = None) -> list[Settled]:
        """Settle leases; what became of each, in their order. After a lost answer, what was done is told as stale."""
        request = Request("POST", "/v1/leases/settle", _many(reports))
        return [Settled.from_json(one) for one in self._send(request, retry_for_s).json()["leases"]]

    def settle_alike(
        self,
        tokens: Sequence[str],
        outcome: str,
        *,
        result: Any = None,
        error: Any = None,
        retry_in_s: float | None = None,
        retry: bool | None = None,
        log: str | None = None,
        retry_for_s: float | None = None,
    ) -> list[Settled]:
        """Settle up to 1,000 leases of which the same is to be said, as in a Report: faster than one by one.

        Returns those of which it was not so (stale, cancelled, or the result does not fit), with their `token`.
        """
        said = {"result": result, "error": error, "retry_in_s": retry_in_s, "retry": retry, "log": log}
        told = {name: value for name, value in said.items() if value is not None}
        body = encode({"leases": [{"tokens": [*tokens], "outcome": outcome, **told}]})
        request = Request("POST", "/v1/leases/settle", body, headers={"Prefer": MINIMAL})
        return [Settled.from_json(one) for one in self._send(request, retry_for_s).json()["leases"]]


def _many(parts: Sequence[Extension] | Sequence[Report]) -> bytes:
    return b'{"leases":[' + b",".join(part.encoded for part in parts) + b"]}"
