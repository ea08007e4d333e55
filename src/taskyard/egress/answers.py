"""Reading an answer: bounded in bytes, never decompressed; and the classes of what can go wrong."""

import asyncio
import ssl
from dataclasses import dataclass

import aiohttp
from multidict import CIMultiDictProxy

from taskyard.egress import messages
from taskyard.egress.dial import NotFound
from taskyard.egress.urls import BAD

HEADERS = 64  # headers of an answer that are kept
HEADERS_BYTES = 8 * 1024

# The first that fits. aiohttp wraps what the operating system says, so the order matters.
CLASSES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (NotFound, messages.DNS),
    (aiohttp.ClientConnectorDNSError, messages.DNS),
    ((aiohttp.ClientSSLError, ssl.SSLError, ssl.CertificateError), messages.TLS),
    ((TimeoutError, asyncio.TimeoutError), messages.TIMEOUT),
    (aiohttp.ClientConnectorError, messages.CONNECT),
    (aiohttp.InvalidURL, BAD),
    (aiohttp.ClientResponseError, messages.PROTOCOL),
    ((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionError), messages.RESET),
    (aiohttp.ClientPayloadError, messages.RESET),  # the connection ended within the body
    (OSError, messages.CONNECT),
    ((aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError, ValueError), messages.PROTOCOL),
)
FAILURES = (aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError, OSError, TimeoutError, ValueError)


def classify(error: BaseException) -> str:
    return next(name for kinds, name in CLASSES if isinstance(error, kinds))


@dataclass(slots=True)
class Body:
    """What has been read of a body so far."""

    keep: int
    kept: bytearray
    read: int = 0

    @property
    def truncated(self) -> bool:
        return self.read > len(self.kept)

    async def drain(self, stream: aiohttp.StreamReader) -> None:
        """Read on, keeping the beginning, until the end or until it is too much to wait for."""
        most = max(self.keep, messages.DRAINED)
        while self.read <= most:
            chunk = await stream.read(most + 1 - self.read)
            if not chunk:
                return
            self.read += len(chunk)
            self.kept += chunk[: self.keep - len(self.kept)]


def head(headers: "CIMultiDictProxy[str]") -> tuple[tuple[str, str], ...]:
    """The first headers of an answer, as far as they are kept."""
    kept: list[tuple[str, str]] = []
    size = 0
    for name, value in list(headers.items())[:HEADERS]:
        size += len(name) + len(value)
        if size > HEADERS_BYTES:
            break
        kept.append((name, value))
    return tuple(kept)
