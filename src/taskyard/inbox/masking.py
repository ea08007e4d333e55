"""Credentials in requests: needed to verify one, and of no use but to thieves from then on."""

import re
from collections.abc import Iterable
from dataclasses import replace

from taskyard.inbox.received import Received
from taskyard.inbox.scheme import Kind, Scheme

MASK = "…"
ALWAYS = frozenset({"authorization", "proxy-authorization", "cookie"})
SENT_AS_THEY_ARE = (Kind.TOKEN, Kind.BEARER, Kind.BASIC)


def without_credentials(scheme: Scheme | None, received: Received) -> Received:
    """The request with a mask in the place of each credential. `scheme` tells which header holds one, if known."""
    names = set(ALWAYS)
    query = received.query
    if scheme is not None and scheme.kind in SENT_AS_THEY_ARE:
        names |= {one.signature.lower() for one in scheme.names}
        if scheme.query:
            query = re.sub(rf"(?<![^&]){re.escape(scheme.query)}=[^&]*", f"{scheme.query}={MASK}", query)
    return replace(received, headers=list(_masked(received.headers, names)), query=query)


def _masked(headers: Iterable[tuple[str, str]], names: set[str]) -> Iterable[tuple[str, str]]:
    return ((name, MASK if name.lower() in names else value) for name, value in headers)
