"""A request as it was received, for those who must know it exactly: header fields one by one, and who sent it."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import quote

HEADERS = "taskyard.headers"  # where web/server.py puts what it read; WSGI itself joins fields of one name
UNIX = "unix"  # stands for whoever connects through a socket file

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def headers(environ: dict[str, Any]) -> list[tuple[str, str]]:
    """Names in small letters and values, in order, each as often as it was sent. Bytes beyond ASCII are latin-1."""
    sent: Sequence[tuple[str, str]] | None = environ.get(HEADERS)
    if sent is not None:
        return [(name.lower(), value) for name, value in sent]
    named = [(key[5:], value) for key, value in environ.items() if key.startswith("HTTP_")]
    named += [(key, environ[key]) for key in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(key)]
    return [(name.replace("_", "-").lower(), value) for name, value in named]


def query(environ: dict[str, Any]) -> str:
    """The query string, with what may not stand in one percent-encoded."""
    return quote(environ.get("QUERY_STRING", "").encode("latin-1"), safe="!#$%&'()*+,/:;=?@[]~")


def peer(environ: dict[str, Any], proxies: Sequence[Network | str]) -> Address | None:
    """Who sent it: whoever connected, and where that is a proxy of these, whom the proxy names in X-Forwarded-For.

    Of several proxies each adds whom it saw, so the list is read from its end for as long as it names ours. None where
    it cannot be told: a socket file with nobody behind a proxy.
    """
    at = _address(environ.get("REMOTE_ADDR", ""))
    named = [part.strip() for part in environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    while named and _is_one_of(at, proxies):
        before, at = at, _address(named.pop())
        if at is None:  # a proxy of ours has written what is no address; it is the last that is known
            return before
    return at


def _is_one_of(at: Address | None, proxies: Sequence[Network | str]) -> bool:
    if at is None:
        return UNIX in proxies
    return within(at, [one for one in proxies if not isinstance(one, str)])


def within(at: Address, networks: Sequence[Network]) -> bool:
    return any(at in network for network in networks)


def _address(text: str) -> Address | None:
    try:
        at = ip_address(text.strip("[]"))
    except ValueError:
        return None
    return at.ipv4_mapped or at if isinstance(at, IPv6Address) else at
