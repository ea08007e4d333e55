"""Posting one delivery: an event as JSON, signed as Standard Webhooks says, through the guarded sender."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import orjson

from taskyard.core import clock
from taskyard.egress import signing
from taskyard.egress.messages import Outgoing, Result, Timing
from taskyard.egress.policy import Rules
from taskyard.outbox.claimed import Claimed
from taskyard.outbox.policy import Answer
from taskyard.outbox.settle import Tried

MOST_HEADERS = 50  # of an answer that are kept
MOST_CHARS = 1000  # of the value of one
_PHASES = {"dns": "dns_s", "connect": "connect_s", "tls": "tls_s", "first_byte": "first_byte_s", "total": "total_s"}


async def post(one: Claimed, send: Callable[[Outgoing], Awaitable[Result]], rules: Rules | None = None) -> Tried:
    """Send a delivery; what came of it. `rules` are those of all, to which its endpoint's own are added."""
    started_at = clock.now()
    request = outgoing(one, started_at)
    if one.endpoint.allow:
        request = replace(request, rules=(rules or Rules()).also(one.endpoint.allow))
    result = await send(request)
    return Tried(
        one,
        started_at,
        answer(result, clock.now()),
        phases(result.timing),
        [(_clean(name), _clean(value)) for name, value in result.headers[:MOST_HEADERS]],
        _text(result.body),
        [secret.id for secret in one.secrets],
    )


def outgoing(one: Claimed, at: datetime) -> Outgoing:
    """The request: the same body and `webhook-id` at every try, signed anew."""
    body = orjson.dumps(one.event)
    values = [secret.value for secret in one.secrets]
    headers = {
        **one.endpoint.headers,
        "Content-Type": "application/json",
        **signing.sign(values, one.event["id"], int(at.timestamp()), body),
        "webhook-attempt": str(one.tries),
    }
    return Outgoing(one.endpoint.url, body, headers, one.endpoint.timeout_s)


def answer(result: Result, now: datetime) -> Answer:
    """A 2xx counts as such, whatever became of its body; any other answer that broke off is what broke it off."""
    hint = next((value for name, value in result.headers if name.lower() == "retry-after"), None)
    error = None if result.accepted else result.error
    return Answer(None if error else result.status, error, retry_after_s(hint, now))


def retry_after_s(hint: str | None, now: datetime) -> float | None:
    """The seconds that a Retry-After names, as a number or as a date (RFC 9110, section 10.2.3); None where it is
    neither."""
    if hint is None:
        return None
    hint = hint.strip()
    if hint.isascii() and hint.isdigit():
        return float(hint[:9])
    try:
        at = parsedate_to_datetime(hint)
        return max((at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds(), 0)
    except (ValueError, OverflowError):
        return None


def phases(timing: Timing) -> dict[str, float]:
    """Milliseconds of each phase that was reached."""
    found = {name: getattr(timing, field) for name, field in _PHASES.items()}
    return {name: round(seconds * 1000, 3) for name, seconds in found.items() if seconds is not None}


def _text(body: bytes) -> str:
    return body.decode(errors="replace").replace("\0", "\ufffd")


def _clean(text: str) -> str:
    """A header as it can be stored: what is no UTF-8 arrives as lone surrogates."""
    return _text(text.encode(errors="surrogateescape"))[:MOST_CHARS]
