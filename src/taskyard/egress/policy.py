"""Whether an address may be connected to: asked where a URL is saved, where it is tried, and for every socket."""

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, ip_address

from taskyard.config import Config
from taskyard.core import allowed
from taskyard.core.allowed import Allowed
from taskyard.egress import own
from taskyard.egress.own import Own
from taskyard.egress.ranges import GLOBAL, METADATA, SPECIAL, canonical, within

BLOCKED = "blocked_address"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator set; `also` adds what one endpoint may reach."""

    allowed: Allowed = field(default_factory=Allowed)
    http: bool = False  # whether http:// may be used
    metadata: bool = False  # whether an allowed network may hold metadata addresses
    own: Own = field(default_factory=Own)

    def also(self, entries: tuple[str, ...] | list[str]) -> "Rules":
        """These rules, with hosts and networks that are allowed beside them.

        Raises:
            ValueError: an entry is neither host nor network; the message is a sentence.
        """
        return replace(self, allowed=self.allowed | allowed.parse(entries)) if entries else self


@dataclass(frozen=True, slots=True)
class Verdict:
    """`kind` is "" where it is allowed, else the class of the refusal: all that a tenant is told of an address.

    `reason` is a sentence for the operator.
    """

    kind: str
    reason: str

    @property
    def allowed(self) -> bool:
        return self.kind == ""


def rules_of(config: Config) -> Rules:
    """The rules that the settings make."""
    return Rules(
        allowed.parse(config.egress_allow), config.egress_http, config.egress_metadata, own.of(config.database_url)
    )


def check_address(given: str, port: int, rules: Rules, *, host: str = "") -> Verdict:
    """`given` is a literal address, with no brackets; `host` is the name it was found under."""
    if "%" in given:
        return Verdict(BLOCKED, f"{given} carries a zone id.")
    try:
        address = canonical(ip_address(given))
    except ValueError:
        return Verdict(BLOCKED, f"{given} is no address.")
    shown = given if str(address) == given else f"{given} (which is {address})"
    if rules.own.holds(address, port):
        return Verdict(BLOCKED, f"{shown} port {port} is Taskyard itself or its database.")
    metadata = within(address, METADATA)
    if metadata is not None and not rules.metadata:
        return Verdict(BLOCKED, f"{shown} lies in {metadata}, where clouds serve credentials.")
    if host and rules.allowed.name(host):
        return Verdict("", f"{host} is allowed by name.")
    if rules.allowed.address(address):
        return Verdict("", f"{shown} lies in an allowed network.")
    special = within(address, SPECIAL)
    if special is not None:
        return Verdict(BLOCKED, f"{shown} lies in {special}, which is not of the public Internet.")
    if not isinstance(address, IPv4Address) and address not in GLOBAL:
        return Verdict(BLOCKED, f"{shown} lies outside {GLOBAL}, the public Internet of IPv6.")
    return Verdict("", f"{shown} is a public address.")
