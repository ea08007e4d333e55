"""Sending one request with a sender of its own."""

import asyncio
import ssl

from taskyard.core.allowed import parse
from taskyard.egress.dial import LookUp, look_up
from taskyard.egress.messages import Outgoing, Result
from taskyard.egress.policy import Rules
from taskyard.egress.sender import Sender

LOOPBACK = Rules(parse(["127.0.0.0/8"]), http=True)


def send(
    outgoing: Outgoing, rules: Rules = LOOPBACK, names: LookUp = look_up, tls: ssl.SSLContext | None = None
) -> Result:
    async def run() -> Result:
        async with Sender(rules, names=names, tls=tls) as sender:
            return await sender.send(outgoing)

    return asyncio.run(run())


def to(url: str, timeout_s: float = 2.0, body: bytes = b'{"a":1}') -> Outgoing:
    return Outgoing(url, body, timeout_s=timeout_s)


def names(*addresses: str) -> LookUp:
    return lambda host, port, family: list(addresses)
