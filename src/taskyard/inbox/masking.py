"""Credentials in requests: needed to verify one, and of no use but to thieves from then on."""

import re
from collections.abc import Iterable
from dataclasses import replace

from taskyard.inbox.presets import PRESETS
from taskyard.inbox.received import Received
from taskyard.inbox.scheme import Kind, Scheme

MASK = "…"
SENT_AS_THEY_ARE = (Kind.TOKEN, Kind.BEARER, Kind.BASIC)


def _headers(scheme: Scheme) -> set[str]:
    return {one.signature.lower() for one in scheme.names} if scheme.kind in SENT_AS_THEY_ARE else set()


def _parameters(scheme: Scheme) -> set[str]:
    return {scheme.query} if scheme.query and scheme.kind in SENT_AS_THEY_ARE else set()


_KNOWN = [preset.scheme for preset in PRESETS.values()]  # a request may have come to the wrong source
HEADERS = {"authorization", "proxy-authorization", "cookie"}.union(*map(_headers, _KNOWN))
PARAMETERS = {"access_token"}.union(*map(_parameters, _KNOWN))


def without_credentials(scheme: Scheme | None, received: Received) -> Received:
    """The request with a mask in the place of each credential. `scheme` tells where its source has one, if known."""
    names = HEADERS | (_headers(scheme) if scheme else set())
    query = masked_query(received.query, _parameters(scheme) if scheme else set())
    return replace(received, headers=list(_masked(received.headers, names)), query=query)


def masked_query(query: str, more: Iterable[str] = ()) -> str:
    """A query string without the values of parameters that hold credentials."""
    for name in PARAMETERS.union(more):
        query = re.sub(rf"(?<![^&]){re.escape(name)}=[^&]*", f"{name}={MASK}", query)
    return query


def _masked(headers: Iterable[tuple[str, str]], names: set[str]) -> Iterable[tuple[str, str]]:
    return ((name, MASK if name.lower() in names else value) for name, value in headers)
