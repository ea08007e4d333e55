"""Whether a URL may be sent to. What is judged here is what is sent: one parser, one spelling."""

import re
from dataclasses import dataclass
from ipaddress import IPv6Address

import idna
from yarl import URL

from taskyard.core.allowed import NAME, NUMBER
from taskyard.egress.policy import BLOCKED, Rules, Verdict, check_address

BAD = "bad_url"
LONGEST = 2048
PORTS = frozenset({80, 443})  # below 1024; from there on all but these:
DATABASES = frozenset(
    {1433, 1521, 2375, 2376, 2379, 2380, 3050, 3306, 5432, 5984, 6379, 6380, 7687, 9042, 9200, 9300, 11211, 26379}
    | {27017, 27018, 27019, 28015}
)
FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\ud800-\udfff]")
AUTHORITY = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[^\]/?#@]*\]|[^:/?#@\[\]]*)(:(?P<port>[0-9]{1,5}))?(?=[/?]|\Z)", re.IGNORECASE
)
OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
IPV4 = re.compile(rf"({OCTET}\.){{3}}{OCTET}")


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in the spelling in which it is sent. `address`: its host is a literal address, not a name."""

    url: URL
    host: str
    port: int
    address: bool


def check_url(given: str, rules: Rules) -> tuple[Verdict, Target | None]:
    """The verdict, and where it is allowed the target. Names are not looked up: each address is judged when dialled."""
    fault = _fault(given)
    if fault:
        return Verdict(BAD, fault), None
    found = AUTHORITY.match(given)
    if found is None:
        return Verdict(BAD, "Give a URL such as https://example.com/hook, with no user name or password in it."), None
    scheme = found["scheme"].lower()
    if scheme == "http" and not rules.http:
        return Verdict(BAD, "Use https://; http:// is switched off here."), None
    port = int(found["port"]) if found["port"] else {"http": 80, "https": 443}[scheme]
    if not _port_is_open(port):
        return Verdict(
            BAD, f"Port {port} may not be used: take 80, 443, or one from 1024 on that is no database's."
        ), None
    try:
        host, literal = _host(found["host"])
    except ValueError as error:
        return Verdict(BAD, str(error)), None
    verdict = _verdict(host, port, literal, rules)
    shown = f"[{host}]" if ":" in host else host
    url = URL(f"{scheme}://{shown}:{port}{given[found.end() :] or '/'}")
    return verdict, Target(url, host, port, literal) if verdict.allowed else None


def _fault(given: str) -> str:
    if len(given) > LONGEST:
        return f"A URL has {LONGEST:,} characters at most."
    if FORBIDDEN.search(given):
        return "A URL holds no spaces, backslashes or control characters."
    if "#" in given:
        return "A URL to send to has no fragment (#…)."
    return ""


def _port_is_open(port: int) -> bool:
    return port in PORTS or (1024 <= port <= 65_535 and port not in DATABASES)


def _host(given: str) -> tuple[str, bool]:
    """The host as it is sent, and whether it is a literal address.

    Raises:
        ValueError: it is none; the message is a sentence.
    """
    if given.startswith("["):
        try:
            return str(IPv6Address(given[1:-1])), True  # a zone id is kept, and refused as an address
        except ValueError:
            raise ValueError(f"{given} is no IPv6 address.") from None
    if IPV4.fullmatch(given):
        return given, True
    try:
        host = given if given.isascii() else idna.encode(given, uts46=True).decode()
        name = host.lower().removesuffix(".")
        for label in name.split("."):
            if label.startswith("xn--"):
                idna.decode(label)
    except idna.IDNAError:
        raise ValueError("The host is no valid international domain name.") from None
    if NUMBER.fullmatch(name):
        raise ValueError("Write an IPv4 address as four decimal numbers, such as 192.0.2.1.")
    if len(name) > 253 or name.startswith("*") or not NAME.fullmatch(name):
        raise ValueError("The host is no valid name.")
    return name, False


def _verdict(host: str, port: int, literal: bool, rules: Rules) -> Verdict:
    if literal:
        return check_address(host, port, rules)
    if rules.own.named(host, port):
        return Verdict(BLOCKED, f"{host} port {port} is Taskyard itself or its database.")
    if (host == "localhost" or host.endswith(".localhost")) and not rules.allowed.name(host):
        loopback = check_address("127.0.0.1", port, rules)
        return loopback if not loopback.allowed else Verdict("", f"{host} is this machine, which is allowed.")
    return Verdict("", f"{host} is a name; its addresses are judged when dialled.")
