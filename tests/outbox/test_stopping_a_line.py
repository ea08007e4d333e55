"""A line of deliveries that is stopped finishes what it has begun."""

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

from taskyard.core.db import Database
from taskyard.outbox.line import Line

PATIENCE_S = 10.0


class Held(Line):
    """Claims a delivery twice; the second claim, and the settlement of the first, last until they are let go."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, self._sent)
        self.claims = iter(["first", "second"])
        self.settled: list[str] = []
        self.claiming, self.settling = threading.Event(), threading.Event()
        self.claim_goes, self.settlement_goes = threading.Event(), threading.Event()
        self.looked = asyncio.Event()  # whether there is more to settle, after the first

    async def _sent(self, one: Any) -> Any:
        return one

    def _claim(self) -> list[Any]:
        name = next(self.claims, None)
        if name == "second":
            self.claiming.set()
            assert self.claim_goes.wait(PATIENCE_S)
        return [] if name is None else [SimpleNamespace(id=name, kind=None)]

    def wake(self) -> None:
        """Called after each settlement, just before the next look."""
        super().wake()
        self.looked.set()

    def _settle(self, batch: list[Any]) -> None:
        self.settling.set()
        assert self.settlement_goes.wait(PATIENCE_S)
        self.settled += [one.id for one in batch]


def test_what_is_claimed_while_it_is_being_stopped_is_settled(database: Database) -> None:
    async def stopped_in_between() -> list[str]:
        line, stop = Held(database), asyncio.Event()
        running = asyncio.create_task(line.run(stop))
        assert await asyncio.to_thread(line.claiming.wait, PATIENCE_S)
        assert await asyncio.to_thread(line.settling.wait, PATIENCE_S)
        stop.set()
        line.settlement_goes.set()
        await asyncio.wait_for(line.looked.wait(), PATIENCE_S)
        line.claim_goes.set()
        await asyncio.wait_for(running, PATIENCE_S)
        return line.settled

    assert asyncio.run(stopped_in_between()) == ["first", "second"]
