"""The queue as one would write it down on a page: a dict of tasks, and what each deed makes of them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

JITTER = 0.1


@dataclass
class Life:
    """One task. `place` is the table it stands in: ready, scheduled or lease; None once it has ended."""

    queue: str
    lane: int
    run_at: datetime
    expires_at: datetime | None
    max_attempts: int
    max_crashes: int
    on_lost: str
    backoff_s: int
    place: str | None = None
    outcome: str | None = None
    token: str | None = None
    claim_id: str | None = None
    lease_until: datetime | None = None
    cancelled: bool = False
    attempts: int = 0
    failures: int = 0
    crashes: int = 0
    runs: list[str] = field(default_factory=list)  # the outcome of each attempt that is over

    def status(self, now: datetime) -> str:
        if self.outcome is not None:
            return self.outcome
        if self.place == "lease":
            return "running"
        return "scheduled" if self.run_at > now else "queued"

    def counts(self, now: datetime) -> tuple[str, int, int, int, list[str]]:
        """Status, attempts with the one under way, failures, crashes, and the attempts that are over."""
        attempts = self.attempts + (self.place == "lease")
        return self.status(now), attempts, self.failures, self.crashes, self.runs

    def wait(self, now: datetime) -> None:
        self.place = "ready" if self.run_at <= now else "scheduled"

    def end(self, outcome: str) -> None:
        self.outcome, self.place = outcome, None

    def lease(self, token: str, until: datetime, claim_id: str | None) -> None:
        self.place, self.token, self.lease_until, self.claim_id = "lease", token, until, claim_id
        self.cancelled = False

    def settle(self, outcome: str, now: datetime, retry_in_s: int | None) -> bool:
        """True: its retry waits for the command's backoff, whose length holds chance."""
        self.failures += outcome == "failed"
        if outcome == "succeeded":
            return self._over(outcome, "succeeded")
        if self.cancelled:
            return self._over("cancelled", "cancelled")
        if outcome == "failed" and self.failures >= self.max_attempts:
            return self._over(outcome, "failed")
        by_backoff = outcome == "failed" and retry_in_s is None
        return self._again(outcome, now, self.backoff_s if by_backoff else retry_in_s or 0) and by_backoff

    def lose(self, now: datetime) -> bool:
        """As `settle`."""
        self.crashes += 1
        if self.cancelled:
            return self._over("cancelled", "cancelled")
        if self.on_lost == "hold":
            return self._over("lost", "lost")
        if self.on_lost == "fail" or self.crashes >= self.max_crashes:
            return self._over("lost", "failed")
        return self._again("lost", now, self.backoff_s)

    def reopen(self, now: datetime) -> None:
        self.outcome, self.expires_at, self.run_at = None, None, now
        self.failures = self.crashes = 0
        self.wait(now)

    def _over(self, run: str, outcome: str) -> bool:
        self._ran(run)
        self.end(outcome)
        return False

    def _again(self, run: str, now: datetime, delay_s: float) -> bool:
        self._ran(run)
        self.run_at = now + timedelta(seconds=delay_s)
        self.wait(now)
        return delay_s > 0

    def _ran(self, run: str) -> None:
        self.attempts += 1
        self.token = None
        self.runs.append(run)
