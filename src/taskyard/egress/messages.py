"""What is sent, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from taskyard.egress.policy import BLOCKED, Rules
from taskyard.egress.urls import BAD

KEPT = 16 * 1024  # bytes of an answer's body
DRAINED = 64 * 1024
CONNECT_S = 5.0
TIMEOUT_S = 15.0

# The classes of what can go wrong, as they are kept and shown.
DNS = "dns"
CONNECT = "connect"
TLS = "tls"
TIMEOUT = "timeout"
RESET = "reset"
PROTOCOL = "protocol"
ERRORS = (BAD, BLOCKED, DNS, CONNECT, TLS, TIMEOUT, RESET, PROTOCOL)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request. `rules` where this one may reach more than others; `keep` bytes of its answer's body are kept."""

    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = TIMEOUT_S  # for everything: look-up, connecting, sending, and the whole answer
    rules: Rules | None = None
    keep: int = KEPT
    method: str = "POST"


@dataclass(slots=True)
class Timing:
    """Seconds of each phase; None for one that was not reached. `first_byte_s` ends with the head of the answer."""

    dns_s: float | None = None
    connect_s: float | None = None
    tls_s: float | None = None
    first_byte_s: float | None = None
    total_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """`status` is there once the head of an answer is; `error` is one of ERRORS, also where only its body failed.

    `sent`: the whole request may have reached the other side; where it is False, it certainly has not.
    `detail` is a sentence for the operator, and may name internal addresses: no tenant sees it.
    """

    status: int | None
    error: str | None
    detail: str
    sent: bool
    timing: Timing
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    truncated: bool = False  # the body was longer than what is kept

    @property
    def accepted(self) -> bool:
        """2xx, whatever became of the body."""
        return self.status is not None and 200 <= self.status < 300
