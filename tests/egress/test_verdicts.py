"""Where it may connect: tables of verdicts, and what holds over the whole space of addresses."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egress.cases import BAD_URLS, BLOCKED, BLOCKED_URLS, GOOD_URLS, METADATA, PUBLIC
from taskyard.core.allowed import parse
from taskyard.egress.own import Own
from taskyard.egress.policy import Rules, check_address
from taskyard.egress.urls import check_url

PLAIN = Rules()
EVERYTHING = Rules(parse(["0.0.0.0/0", "::/0"]), http=True)


def allowed(address: str, rules: Rules = PLAIN, **more: str) -> bool:
    return check_address(address, 443, rules, **more).allowed


def test_the_tables_are_long_enough() -> None:
    assert len(PUBLIC) + len(BLOCKED) + len(GOOD_URLS) + len(BAD_URLS) + len(BLOCKED_URLS) >= 250


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_connected_to(address: str) -> None:
    verdict = check_address(address, 443, PLAIN)
    assert verdict.allowed, verdict


@pytest.mark.parametrize("address", BLOCKED)
def test_special_addresses_may_not(address: str) -> None:
    verdict = check_address(address, 443, PLAIN)
    assert verdict.kind == "blocked_address"
    assert address in verdict.reason


@pytest.mark.parametrize("address", METADATA)
def test_metadata_is_refused_in_an_allowed_range(address: str) -> None:
    assert not allowed(address, EVERYTHING)
    assert not allowed(address, Rules(parse(["cloud.example"])), host="cloud.example")
    assert allowed(address, Rules(EVERYTHING.allowed, metadata=True))
    assert not allowed(address, Rules(metadata=True))


@pytest.mark.parametrize(("sent", "as_sent"), GOOD_URLS.items())
def test_urls_are_sent_in_one_spelling(sent: str, as_sent: str) -> None:
    verdict, target = check_url(sent, PLAIN)
    assert target is not None, verdict
    assert str(target.url) == as_sent


@pytest.mark.parametrize("url", BAD_URLS, ids=lambda url: ascii(url)[:40])
def test_urls_that_are_none_are_refused(url: str) -> None:
    verdict, target = check_url(url, PLAIN)
    assert (verdict.kind, target) == ("bad_url", None)
    assert verdict.reason.endswith(".")


@pytest.mark.parametrize("url", BLOCKED_URLS)
def test_urls_of_special_addresses_are_refused(url: str) -> None:
    verdict, target = check_url(url, PLAIN)
    assert (verdict.kind, target) == ("blocked_address", None)


def test_http_has_a_switch() -> None:
    assert check_url("http://example.com/", Rules(http=True))[0].allowed


def test_an_allowed_network_is_judged_by_the_address_that_is_meant() -> None:
    rules = Rules(parse(["10.0.0.0/8"]))
    assert allowed("10.1.2.3", rules)
    assert allowed("::ffff:10.1.2.3", rules)
    assert allowed("64:ff9b::10.1.2.3", rules)
    assert not allowed("192.168.0.1", rules)
    assert not allowed("2002:a01:203::", rules)


def test_a_host_is_allowed_by_name_and_only_under_it() -> None:
    rules = Rules(parse(["hooks.internal", "*.svc.local"]))
    assert allowed("10.0.0.1", rules, host="hooks.internal")
    assert allowed("10.0.0.1", rules, host="HOOKS.internal.")
    assert allowed("10.0.0.1", rules, host="a.svc.local")
    assert not allowed("10.0.0.1", rules, host="svc.local")
    assert not allowed("10.0.0.1", rules, host="evilhooks.internal")
    assert not allowed("10.0.0.1", rules)


def test_one_endpoint_may_reach_more_than_others() -> None:
    assert allowed("10.0.0.1", PLAIN.also(["10.0.0.0/8"]))
    assert not allowed("10.0.0.1")
    assert PLAIN.also([]) is PLAIN


@pytest.mark.parametrize("entry", ["", "10.0.0.1/8", "a b", "10.0.0.0/33", "*", "*.*.x", "https://x", "127.1", "a/b"])
def test_an_entry_that_is_neither_host_nor_network_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="is no host name"):
        parse([entry])


def test_its_own_places_are_refused_whatever_is_allowed() -> None:
    rules = Rules(EVERYTHING.allowed, http=True, own=Own((("10.0.0.5", 8000), ("db.internal", 5433), ("::", 9000))))
    assert not check_address("10.0.0.5", 8000, rules).allowed
    assert not check_address("::ffff:10.0.0.5", 8000, rules).allowed
    assert check_address("10.0.0.5", 8001, rules).allowed
    assert check_url("http://DB.internal.:5433/", rules)[0].kind == "blocked_address"
    assert not check_address("127.0.0.1", 9000, rules).allowed
    assert not check_address("::1", 9000, rules).allowed
    assert check_address("10.0.0.5", 9000, rules).allowed


# A second way to the same verdict: on integers, from the first and last addresses of what is open.
GAPS_4 = [
    ("1.0.0.0", "9.255.255.255"), ("11.0.0.0", "100.63.255.255"), ("100.128.0.0", "126.255.255.255"),
    ("128.0.0.0", "168.63.129.15"), ("168.63.129.17", "169.253.255.255"), ("169.255.0.0", "172.15.255.255"),
    ("172.32.0.0", "191.255.255.255"), ("192.0.1.0", "192.0.1.255"), ("192.0.3.0", "192.31.195.255"),
    ("192.31.197.0", "192.52.192.255"), ("192.52.194.0", "192.88.98.255"), ("192.88.100.0", "192.167.255.255"),
    ("192.169.0.0", "192.175.47.255"), ("192.175.49.0", "198.17.255.255"), ("198.20.0.0", "198.51.99.255"),
    ("198.51.101.0", "203.0.112.255"), ("203.0.114.0", "223.255.255.255"),
]  # fmt: skip
GAPS_6 = [
    ("2000::", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), ("2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001:db9::", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), ("2003::", "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff"),
    ("2620:4f:8001::", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("3fff:1000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
]  # fmt: skip


def oracle(packed: bytes) -> bool:
    if len(packed) == 16 and packed[:12] in (bytes(10) + b"\xff\xff", b"\x00\x64\xff\x9b" + bytes(8)):
        packed = packed[12:]
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    gaps = GAPS_4 if len(packed) == 4 else GAPS_6
    return any(socket.inet_pton(family, first) <= packed <= socket.inet_pton(family, last) for first, last in gaps)


EDGES = [edge for gap in (*GAPS_4, *GAPS_6) for edge in gap]
near_edges = st.builds(
    lambda edge, step: type(edge)(min(max(int(edge) + step, 0), 2**edge.max_prefixlen - 1)),
    st.sampled_from([ip_address(edge) for edge in EDGES]),
    st.integers(-2, 2),
)
carried = st.builds(
    lambda prefix, four: IPv6Address(prefix + four.packed),
    st.sampled_from(
        [bytes(10) + b"\xff\xff", b"\x00\x64\xff\x9b" + bytes(8), bytes(12), b"\x00\x64\xff\x9b" + b"\0\1" + bytes(6)]
    ),
    st.ip_addresses(v=4),
)
assigned = st.integers(0x2000 << 112, (0x4000 << 112) - 1).map(IPv6Address)
anywhere = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6), assigned, near_edges, carried)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None)
@given(anywhere)
def test_every_address_is_judged_as_the_oracle_does(address: IPv4Address | IPv6Address) -> None:
    assert allowed(str(address)) == oracle(address.packed)
    assert allowed(address.exploded) == oracle(address.packed)


@settings(max_examples=1000, deadline=None)
@given(st.ip_addresses(v=4))
def test_an_address_is_judged_alike_in_all_its_clothes(address: IPv4Address) -> None:
    plain = allowed(str(address))
    assert allowed(f"::ffff:{address}") == plain
    assert allowed(f"64:ff9b::{address}") == plain
    assert not allowed(f"::{address}")
    assert not allowed(f"64:ff9b:1::{address}")
    assert not allowed(str(IPv6Address(b"\x20\x02" + address.packed + bytes(10))))  # 6to4
    assert not allowed(str(IPv6Address(b"\x20\x01\0\0" + bytes(8) + address.packed)))  # Teredo


@settings(max_examples=1000, deadline=None)
@given(anywhere)
def test_nothing_is_public_that_python_knows_to_be_private(address: IPv4Address | IPv6Address) -> None:
    if allowed(str(address)):
        meant = getattr(address, "ipv4_mapped", None) or address
        assert meant.is_global
        assert not meant.is_multicast


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=60))
def test_no_text_is_more_than_a_verdict(text: str) -> None:
    for given_url in (text, f"https://{text}/", f"https://{text}", f"https://example.com/{text}"):
        verdict, target = check_url(given_url, PLAIN)
        assert verdict.allowed == (target is not None)
        if target is not None and not target.address:
            with pytest.raises(OSError, match="illegal IP address"):
                socket.inet_aton(target.host)
