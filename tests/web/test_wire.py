"""Who sent a request, and what it is exactly."""

from ipaddress import ip_network
from typing import Any

import pytest

from taskyard.web import wire

TEN, MINE = ip_network("10.0.0.0/8"), ip_network("192.0.2.1/32")


@pytest.mark.parametrize(
    ("connected", "forwarded", "proxies", "sender"),
    [
        ("203.0.113.9", "", [], "203.0.113.9"),
        ("203.0.113.9", "10.0.0.1", [], "203.0.113.9"),  # anybody can write that
        ("203.0.113.9", "198.51.100.7", [TEN], "203.0.113.9"),
        ("10.0.0.1", "198.51.100.7", [TEN], "198.51.100.7"),
        ("10.0.0.1", "", [TEN], "10.0.0.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.7", [TEN], "198.51.100.7"),  # what the proxy has added stands last
        ("10.0.0.1", "198.51.100.7, 192.0.2.1, 10.0.0.2", [TEN, MINE], "198.51.100.7"),
        ("10.0.0.1", "198.51.100.7,10.0.0.3", [TEN], "198.51.100.7"),
        ("10.0.0.1", "10.0.0.3", [TEN], "10.0.0.3"),
        ("10.0.0.1", "unknown", [TEN], "10.0.0.1"),
        ("::ffff:10.0.0.1", "2001:db8::7", [TEN], "2001:db8::7"),
        ("", "198.51.100.7", [], None),
        ("", "198.51.100.7", ["unix"], "198.51.100.7"),
        ("", "", ["unix"], None),
    ],
)
def test_the_sender_is_whom_trusted_proxies_name(
    connected: str, forwarded: str, proxies: list[Any], sender: str | None
) -> None:
    environ = {"REMOTE_ADDR": connected, **({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {})}
    found = wire.peer(environ, proxies)
    assert (None if found is None else str(found)) == sender


def test_headers_are_taken_one_by_one_where_the_server_tells_them() -> None:
    environ = {"HTTP_X_A": "1,2", wire.HEADERS: [("X-A", "1"), ("X-A", "2")]}
    assert wire.headers(environ) == [("x-a", "1"), ("x-a", "2")]
    assert wire.headers({"HTTP_X_A": "1,2", "CONTENT_TYPE": "text/plain", "PATH_INFO": "/"}) == [
        ("x-a", "1,2"),
        ("content-type", "text/plain"),
    ]


def test_a_query_is_kept_as_it_came_but_for_what_may_not_stand_there() -> None:
    assert wire.query({"QUERY_STRING": "a=%20b&c=\xe4\0&d=[x]"}) == "a=%20b&c=%E4%00&d=[x]"
    assert wire.query({}) == ""
