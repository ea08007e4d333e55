"""Lists of hosts and networks that somebody allows: a name, `*.suffix`, an address or a network."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
NAME = re.compile(r"(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
NUMBER = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)")  # inet_aton reads these as addresses: 127.1, 0x7f.1


@dataclass(frozen=True, slots=True)
class Allowed:
    """What is allowed: names in lower case, suffixes with their leading dot, networks."""

    names: frozenset[str] = frozenset()
    suffixes: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()

    def name(self, host: str) -> bool:
        host = host.lower().rstrip(".")
        return host in self.names or host.endswith(self.suffixes)

    def address(self, address: Address) -> bool:
        return any(address in network for network in self.networks)

    def __or__(self, other: "Allowed") -> "Allowed":
        return Allowed(self.names | other.names, self.suffixes + other.suffixes, self.networks + other.networks)


def parse(entries: Iterable[str]) -> Allowed:
    """
    Raises:
        ValueError: an entry is none of the four; the message is a sentence.
    """
    names, suffixes, networks = set(), [], []
    for entry in entries:
        given = entry.strip().lower()
        try:
            networks.append(ip_network(given))
            continue
        except ValueError:
            pass
        if "/" in given or NUMBER.fullmatch(given) or not NAME.fullmatch(given):
            raise ValueError(
                f"{entry!r} is no host name, no *.suffix, no address and no network such as 10.0.0.0/8 "
                "(with no bits set behind its length)."
            )
        if given.startswith("*."):
            suffixes.append(given[1:])
        else:
            names.add(given)
    return Allowed(frozenset(names), tuple(suffixes), tuple(networks))
