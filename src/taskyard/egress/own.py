"""Where Taskyard itself and its database listen: nothing that goes out may come back in there."""

import socket
from dataclasses import dataclass
from ipaddress import ip_address

from taskyard.core.allowed import Address
from taskyard.core.db import normalise
from taskyard.egress.ranges import canonical
from taskyard.listening import listening


@dataclass(frozen=True, slots=True)
class Own:
    """(host, port) of each; a host is a name or an address, and 0.0.0.0 and :: stand for all of this machine."""

    places: tuple[tuple[str, int], ...] = ()

    def holds(self, address: Address, port: int) -> bool:
        return any(port == own and _means(host, address) for host, own in self.places)

    def named(self, host: str, port: int) -> bool:
        return (host.lower().rstrip("."), port) in self.places


def of(database_url: str) -> Own:
    """What the settings say of both.

    Raises:
        ConfigError: where the web server listens cannot be read.
    """
    web = [given.rpartition(":") for given in listening().addresses if not given.startswith("unix:")]
    database = normalise(database_url)
    hosts = database.host.lower().split(",") if database.host else []
    return Own(
        (
            *((host.strip("[]").lower(), int(port)) for host, _, port in web),
            *((host, database.port or 5432) for host in hosts),
        )
    )


def _means(host: str, address: Address) -> bool:
    """Asked only where the port is the same, so a name is looked up as good as never."""
    try:
        found = {canonical(ip_address(host))}
    except ValueError:
        found = _addresses(host)
    if any(one.is_unspecified for one in found):
        return address.is_unspecified or address.is_loopback or _is_this_machine(address)
    return address in found or (address.is_unspecified and any(one.is_loopback for one in found))


def _addresses(host: str) -> set[Address]:
    try:
        return {canonical(ip_address(found[4][0])) for found in socket.getaddrinfo(host, None)}
    except (OSError, ValueError):
        return set()


def _is_this_machine(address: Address) -> bool:
    """Only an address of one of this machine's interfaces can be bound to."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True
