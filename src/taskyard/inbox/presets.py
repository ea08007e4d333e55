"""What is known of the providers: presets.toml, read once and checked."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from importlib.resources import files
from typing import Any

from taskyard.inbox.scheme import Digest, Encoding, Freshness, Grammar, KeyForm, Kind, Names, Scheme, Unit

MIB = 1024 * 1024


class Handshake(StrEnum):
    """How a provider asks whether somebody is there."""

    GITHUB_PING = "github-ping"
    SLACK_CHALLENGE = "slack-challenge"
    X_CRC = "x-crc"
    META_CHALLENGE = "meta-challenge"
    CLOUDEVENTS_ORIGIN = "cloudevents-origin"


@dataclass(frozen=True, slots=True)
class Preset:
    """One provider. Places are `header:Name`, `query:name` or `body:path.to.it`."""

    name: str
    title: str
    scheme: Scheme
    event_type: tuple[str, ...] = ()  # the first that is there
    dedupe_key: tuple[tuple[str, ...], ...] = ()  # the first whose places are all there
    handshake: Handshake | None = None
    form_field: str = ""  # of a form-encoded body, the field that holds the JSON
    many: bool = False  # the body is a list, each item of it an event
    max_body: int = MIB
    ack_within_s: int = 10  # it gives up and sends again after that
    ack_empty: bool = False  # what is in the answer would be shown to somebody

    @property
    def methods(self) -> tuple[str, ...]:
        """Those it sends: webhooks are POSTs, some handshakes are not."""
        return ("POST", *HANDSHAKE_METHODS.get(self.handshake, ()))


HANDSHAKE_METHODS: Mapping[Handshake | None, tuple[str, ...]] = {
    Handshake.X_CRC: ("GET",),
    Handshake.META_CHALLENGE: ("GET",),
    Handshake.CLOUDEVENTS_ORIGIN: ("OPTIONS",),
}

ENUMS = {"kind": Kind, "grammar": Grammar, "encoding": Encoding, "digest": Digest, "key": KeyForm}
OF_THE_SCHEME = {field.name for field in fields(Scheme)}


def scheme(knobs: Mapping[str, Any]) -> Scheme:
    """A scheme of knobs as they stand in JSON or TOML."""
    made: dict[str, Any] = {name: ENUMS[name](value) if name in ENUMS else value for name, value in knobs.items()}
    made["names"] = tuple(Names(**names) for names in knobs.get("names", ()))
    if freshness := knobs.get("freshness"):
        made["freshness"] = Freshness(**{**freshness, "unit": Unit(freshness.get("unit", Unit.SECONDS))})
    return Scheme(**made)


def preset(name: str, told: Mapping[str, Any]) -> Preset:
    """A preset of what the file tells of it."""
    made: dict[str, Any] = {key: value for key, value in told.items() if key not in OF_THE_SCHEME}
    made["event_type"] = tuple(told.get("event_type", ()))
    made["dedupe_key"] = tuple(tuple(places) for places in told.get("dedupe_key", ()))
    if "handshake" in told:
        made["handshake"] = Handshake(told["handshake"])
    return Preset(name=name, scheme=scheme({key: told[key] for key in told if key in OF_THE_SCHEME}), **made)


def of(name: str, knobs: Mapping[str, Any] | None) -> Preset:
    """What a source goes by: a preset, or knobs of its own."""
    return PRESETS[name] if knobs is None else Preset(name, name, scheme(knobs))


def _load() -> dict[str, Preset]:
    told = tomllib.loads(files(__package__).joinpath("presets.toml").read_text("utf-8"))
    return {name: preset(name, one) for name, one in told.items()}


PRESETS: Mapping[str, Preset] = _load()
