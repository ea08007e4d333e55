"""Sends HTTP requests to addresses that others chose: guarded where the socket is opened, bounded in bytes and time."""

import asyncio
import math
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib.metadata import version
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload
from yarl import URL

from taskyard.egress.answers import FAILURES, Body, classify, head
from taskyard.egress.dial import Connector, Dial, LookUp, dialling, look_up, tls_context
from taskyard.egress.messages import CONNECT_S, Outgoing, Result, Timing
from taskyard.egress.policy import Rules
from taskyard.egress.urls import check_url

USER_AGENT = f"Taskyard/{version('taskyard')}"
LOOK_UPS = 32  # names being looked up at once: each takes a thread, and a bad name server holds it for long
CHUNK = 64 * 1024
URLS = 1000  # whose verdicts are remembered


class Sender:
    """Lives on one event loop: `async with Sender(rules) as sender: result = await sender.send(outgoing)`.

    Every request has a connection of its own. One kept open could die while a request is on its way into it, and
    nobody could tell whether it was received; and it would carry one endpoint's permission over to another.
    """

    def __init__(self, rules: Rules, *, names: LookUp = look_up, tls: ssl.SSLContext | None = None) -> None:
        self._rules = rules
        self._names = names
        self._tls = tls or tls_context()
        # A URL is judged as often as it is sent to. Each address is judged anew as it is dialled, whatever this says.
        self._checked = lru_cache(maxsize=URLS)(lambda url: check_url(url, rules))
        self._executor = ThreadPoolExecutor(LOOK_UPS, thread_name_prefix="names")
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=Connector(self._tls),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, ceil_threshold=math.inf),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=("Accept-Encoding",),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def send(self, outgoing: Outgoing) -> Result:
        """Never raises: what went wrong is in the result."""
        rules = outgoing.rules or self._rules
        verdict, target = self._checked(outgoing.url) if rules is self._rules else check_url(outgoing.url, rules)
        if target is None:
            return Result(None, verdict.kind, verdict.reason, False, Timing())
        dial = Dial(rules, self._names, self._executor)
        token = dialling.set(dial)
        try:
            return await _Exchange(outgoing, dial).run(self._session, target.url)
        finally:
            dialling.reset(token)


class _Body(Payload):
    """A body that tells when its last bytes are handed over; before that, nobody can have received it whole."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body, content_type="application/json")
        self._bytes = body
        self._size = len(body)
        self.sent = False

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self._bytes.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        whole = len(self._bytes)
        for begin in range(0, max(whole, 1), CHUNK):
            self.sent = begin + CHUNK >= whole
            await writer.write(self._bytes[begin : begin + CHUNK])


class _Exchange:
    """One request and its answer."""

    def __init__(self, outgoing: Outgoing, dial: Dial) -> None:
        self._outgoing = outgoing
        self._dial = dial
        self._sending = _Body(outgoing.body)
        self._status: int | None = None
        self._headers: tuple[tuple[str, str], ...] = ()
        self._body = Body(outgoing.keep, bytearray())

    async def run(self, session: aiohttp.ClientSession, url: URL) -> Result:
        began_at = time.perf_counter()
        error, detail = None, ""
        try:
            async with asyncio.timeout(self._outgoing.timeout_s):
                await self._talk(session, url, began_at)
        except FAILURES as raised:
            refused = self._dial.refused
            error = refused.verdict.kind if refused else classify(raised)
            detail = refused.verdict.reason if refused else _sentence(raised)
        finally:
            self._dial.hang_up()
        self._dial.timing.total_s = time.perf_counter() - began_at
        return Result(
            self._status,
            error,
            detail,
            self._sending.sent,
            self._dial.timing,
            self._headers,
            bytes(self._body.kept),
            self._body.truncated,
        )

    async def _talk(self, session: aiohttp.ClientSession, url: URL, began_at: float) -> None:
        async with session.request(
            self._outgoing.method,
            url,
            data=self._sending,
            headers={"User-Agent": USER_AGENT, **self._outgoing.headers},
            allow_redirects=False,
        ) as answer:
            self._dial.timing.first_byte_s = time.perf_counter() - began_at
            self._status = answer.status
            self._headers = head(answer.headers)
            await self._body.drain(answer.content)


def _sentence(error: BaseException) -> str:
    if isinstance(error, TimeoutError) and not str(error):
        return "There was no whole answer in time."
    return str(error) or type(error).__name__
