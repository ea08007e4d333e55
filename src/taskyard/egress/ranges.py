"""Addresses that are special: a table of our own, because `ipaddress.is_global` lets some of them through."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network

from taskyard.core.allowed import Address, Network

NAT64 = IPv6Network("64:ff9b::/96")
GLOBAL = IPv6Network("2000::/3")  # all that is assigned for use on the Internet

# The IANA registries of special-purpose addresses, multicast, what is reserved, and Azure's 168.63.129.16.
SPECIAL: tuple[Network, ...] = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
        "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
    )
)  # fmt: skip

# Where clouds hand out credentials to whoever can ask.
METADATA: tuple[Network, ...] = tuple(
    ip_network(network)
    for network in (
        "169.254.0.0/16", "100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32",
        "fe80::/10", "fd00:ec2::/32", "fd20:ce::254/128", "fd00:42::42/128",
    )
)  # fmt: skip


def canonical(address: Address) -> Address:
    """The address that is meant: an IPv4 address within an IPv6 one (mapped, NAT64) is judged as itself."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def within(address: Address, networks: tuple[Network, ...]) -> Network | None:
    """The first of these networks that holds the address."""
    return next((network for network in networks if address in network), None)
