"""Connections being opened: for each its names are looked up, its addresses judged, its phases timed."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from contextvars import ContextVar

import aiohttp
from aiohappyeyeballs import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from taskyard.egress.messages import CONNECT_S, Timing
from taskyard.egress.policy import Rules, Verdict, check_address

# How a name is looked up: (host, port, family) → addresses. It blocks, and raises OSError where there are none.
LookUp = Callable[[str, int, int], list[str]]
# Which connection is being opened, for the connector and the TLS context that all of them share. There is no default:
# what belongs to no request is not dialled.
dialling: ContextVar["Dial"] = ContextVar("dialling")


class Refused(OSError):
    """An address that may not be connected to."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


class NotFound(OSError):
    """A name has no address, or none in time."""


def look_up(host: str, port: int, family: int) -> list[str]:
    found = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
    return [str(one[4][0]) for one in found]


class Dial:
    """The look-up and the socket factory of one connection.

    Every address of a name is judged, and if one is bad none is dialled; then each is judged again, by the socket
    factory, as it is dialled. Literal addresses meet the factory alone.
    """

    def __init__(self, rules: Rules, names: LookUp, executor: Executor) -> None:
        self._rules = rules
        self._names = names
        self._executor = executor
        self._host = ""
        self._connecting_at = 0.0
        self._tls_at = 0.0
        self._sockets: list[socket.socket] = []
        self.refused: Refused | None = None
        self.timing = Timing()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self._host = host
        began_at = time.perf_counter()
        looking = asyncio.get_running_loop().run_in_executor(self._executor, self._names, host, port, family)
        try:
            found = await asyncio.wait_for(looking, CONNECT_S)
        except TimeoutError:
            raise NotFound(f"{host} was not found within {CONNECT_S:g} s.") from None
        except (OSError, UnicodeError) as error:
            raise NotFound(f"{host} was not found: {error}.") from error
        finally:
            self.timing.dns_s = time.perf_counter() - began_at
        if not found:
            raise NotFound(f"{host} has no address.")
        for address in found:
            self._judge(address, port)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in dict.fromkeys(found)
        ]

    def open(self, info: AddrInfoType) -> socket.socket:
        """The socket for an address that is about to be dialled."""
        family, kind, protocol, _, (address, port, *rest) = info
        scope = rest[1] if len(rest) > 1 else 0
        self._judge(f"{address}%{scope}" if scope else str(address), int(port))
        self._connecting_at = self._connecting_at or time.perf_counter()
        opened = socket.socket(family, kind, protocol)
        self._sockets.append(opened)
        return opened

    def hang_up(self) -> None:
        """Let nothing linger: who reads too slowly would have us hold what is not yet sent after we have given up."""
        for opened in self._sockets:
            with suppress(OSError):  # it is closed already
                opened.shutdown(socket.SHUT_RDWR)

    def _judge(self, address: str, port: int) -> None:
        verdict = check_address(address, port, self._rules, host=self._host)
        if not verdict.allowed:
            self.refused = Refused(verdict)
            raise self.refused

    def tls_begins(self) -> None:
        self._tls_at = time.perf_counter()

    def connected(self) -> None:
        now = time.perf_counter()
        self.timing.connect_s = (self._tls_at or now) - self._connecting_at
        if self._tls_at:
            self.timing.tls_s = now - self._tls_at


class Resolver(AbstractResolver):
    """Looks up for the connection that is being opened."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return await dialling.get().resolve(host, port, family)

    async def close(self) -> None:
        """Nothing is held."""


class Connector(aiohttp.TCPConnector):
    """Opens a connection for each request, by that request's own rules, and uses none twice."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        super().__init__(
            resolver=Resolver(),
            socket_factory=lambda info: dialling.get().open(info),
            ssl=tls,
            use_dns_cache=False,
            force_close=True,
            limit=0,
        )

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        dialling.get().connected()
        return connection


class TlsContext(ssl.SSLContext):
    """Verifies certificates as usual, and tells the connection that its handshake begins."""

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        dialling.get().tls_begins()
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)


def tls_context(cafile: str | None = None) -> ssl.SSLContext:
    """`cafile` where certificates of somebody else's making are to be trusted beside the system's."""
    context = TlsContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs()
    if cafile:
        context.load_verify_locations(cafile)
    return context
