"""Sends HTTP requests to addresses that others chose: guarded where the socket is opened, bounded in bytes and time."""

from types import TracebackType
from typing import Self

from taskyard.egress.messages import Outgoing, Result
from taskyard.egress.policy import Rules


class Sender:
    """Lives on one event loop: `async with Sender(rules) as sender: result = await sender.send(outgoing)`."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    async def send(self, outgoing: Outgoing) -> Result:
        """Never raises: what went wrong is in the result."""
        raise NotImplementedError
