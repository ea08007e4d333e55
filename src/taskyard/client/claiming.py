"""Where tasks come from: claims that wait at the server, one after the other, as large as there is room."""

import logging
import threading
from collections.abc import Callable, Sequence
from uuid import uuid4

from taskyard.client.api import Client
from taskyard.client.errors import Interrupted, Limited, Refused, TaskyardError
from taskyard.client.held import Held
from taskyard.client.resources import Claimed, Lease
from taskyard.client.transport import pauses

log = logging.getLogger("taskyard.worker")
MAX_LIMIT = 100  # tasks of a claim: a worker that ends gives back what it has not begun
WAIT_S = 20.0
PATIENCE_S = 1.0  # a busy server may settle more slowly than handlers end: for so long that is not worth a word


class Claiming:
    """Claims until `end`. `take` gets the leases; `sorry` those that came when they were no longer wanted."""

    def __init__(
        self,
        client: Client,
        held: Held,
        *,
        queues: Sequence[str],
        lease_s: int,
        name: str,
        take: Callable[[list[Lease]], None],
        sorry: Callable[[list[Lease]], None],
    ) -> None:
        self.fatal: Refused | None = None  # why there is no point in claiming
        self.drained = False  # the server wants this worker to end
        self._client = client
        self._line = client.twin()  # of its own, so that a waiting claim can be cut
        self._held = held
        self._queues = queues
        self._lease_s = lease_s
        self._name = name
        self._take = take
        self._sorry = sorry
        self._over = threading.Event()

    def run(self) -> None:
        while room := self._room():
            claim_id = str(uuid4())
            leases = self._claim(min(room, MAX_LIMIT), claim_id)
            if self._over.is_set():
                self._sorry(leases or self._lost(claim_id))
            elif leases:
                self._take(leases)
        self._line.close()

    def end(self) -> None:
        self._over.set()
        self._held.close()
        self._line.interrupt()

    def _room(self) -> int:
        """For how many tasks there is room, once there is some; 0 once nothing more is to be claimed."""
        self._held.wait_for_slot()
        room = self._held.wait_for_room(PATIENCE_S)
        if not room and not self._held.closed:
            log.warning("nothing is claimed: %s results are not told to the server yet", self._held.untold)
            room = self._held.wait_for_room()
            if room:
                log.info("claiming again: the server takes results")
        return room

    def _claim(self, room: int, claim_id: str) -> list[Lease]:
        """Some leases. While the server is away it is asked again, for the same claim, so that no answer is lost."""
        for pause_s in pauses():
            try:
                claimed = self._ask(self._line, room, claim_id, WAIT_S)
                if claimed.draining:
                    self.drained = True
                    self._held.close()
                return claimed
            except Interrupted:
                return []
            except Refused as error:
                if not isinstance(error, Limited):
                    self.fatal = error
                    self._held.close()
                    return []
                pause_s = max(pause_s, error.retry_after_s or 0)
            except TaskyardError as error:
                log.warning("claiming failed, trying again: %s", error)
                pause_s = max(pause_s, error.retry_after_s or 0)
            if self._over.wait(pause_s):
                return []
        raise AssertionError("pauses never end")

    def _lost(self, claim_id: str) -> list[Lease]:
        """What the server gave to a claim that was cut before its answer came."""
        try:
            return self._ask(self._client, 1, claim_id, 0)
        except TaskyardError as error:
            log.debug("a claim's answer was not asked for again: %s", error)
            return []

    def _ask(self, client: Client, room: int, claim_id: str, wait_s: float) -> Claimed:
        return client.claim(
            self._queues,
            limit=room,
            lease_s=self._lease_s,
            wait_s=wait_s,
            worker=self._name,
            claim_id=claim_id,
            retry_for_s=0,
        )
