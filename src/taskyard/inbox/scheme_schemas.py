"""How a source verifies what it receives, knob by knob, for senders that no preset knows."""

import re
from enum import StrEnum
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from taskyard.inbox.scheme import Digest, Encoding, Grammar, KeyForm, Kind, Unit
from taskyard.web.fields import Text
from taskyard.web.schema import Items, Schema

HEADER_NAME = validate.Regexp(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}\Z", error="No name of a header.")
PLACEHOLDER = re.compile(r"\{[^{}]*\}")
KNOWN = ("{id}", "{timestamp}", "{body}")
WITH_HEADERS = (Kind.HMAC, Kind.ED25519, Kind.ECDSA, Kind.TOKEN)
SIGNED = (Kind.HMAC, Kind.ED25519, Kind.ECDSA)
MOST_TOLERANCE_S = 7 * 86_400


def _choice(of: type[StrEnum], default: StrEnum, description: str) -> fields.String:
    return fields.String(
        load_default=default.value,
        validate=validate.OneOf([one.value for one in of]),
        metadata={"description": description},
    )


def _header(**kwargs: Any) -> Text:
    return Text(validate=HEADER_NAME, **kwargs)


class NamesSchema(Schema):
    """The headers of one proof."""

    signature = _header(required=True, metadata={"example": "X-Signature"})
    timestamp = _header(load_default=None, allow_none=True, metadata={"example": "X-Timestamp"})
    id = _header(load_default=None, allow_none=True)


class FreshnessSchema(Schema):
    """How the time in a proof is read, and how far it may be off."""

    unit = _choice(Unit, Unit.SECONDS, "What it is counted in.")
    tolerance_s = fields.Integer(
        strict=True,
        allow_none=True,
        load_default=300,
        validate=validate.Range(1, MOST_TOLERANCE_S),
        metadata={"description": "So many seconds; null: any time will do."},
    )
    refuse_future = fields.Boolean(load_default=True, metadata={"description": "Whether the same holds ahead."})
    field = Text(
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, 50),
        metadata={"description": "Where it is a field of the signature's header.", "example": "t"},
    )


class SchemeSchema(Schema):
    """The knobs of verifying."""

    kind = _choice(Kind, Kind.HMAC, "What kind of proof it is.")
    names = Items(
        fields.Nested(NamesSchema),
        load_default=list,
        validate=validate.Length(max=5),
        metadata={"description": "Its headers; of several sets a request uses one."},
    )
    grammar = _choice(Grammar, Grammar.BARE, "How signatures stand in their header.")
    field = Text(
        load_default="",
        validate=validate.Length(max=50),
        metadata={"description": "The prefix, the name or the version that marks the signature.", "example": "sha256="},
    )
    encoding = _choice(Encoding, Encoding.HEX, "How it is written.")
    digest = _choice(Digest, Digest.SHA256, "The hash.")
    key = _choice(KeyForm, KeyForm.RAW, "How the bytes of the key are made of the secret.")
    key_prefix = Text(
        load_default="", validate=validate.Length(max=50), metadata={"description": "Taken off the secret before."}
    )
    template = Text(
        load_default="{body}",
        validate=validate.Length(max=200),
        metadata={"description": "What is signed, of {id}, {timestamp} and {body}.", "example": "{timestamp}.{body}"},
    )
    freshness = fields.Nested(
        FreshnessSchema,
        load_default=None,
        allow_none=True,
        metadata={"description": "null: there is no time in the proof."},
    )
    public_prefix = Text(
        load_default="",
        validate=validate.Length(max=50),
        metadata={"description": "A secret that begins so is an ed25519 public key."},
    )
    public_field = Text(
        load_default="", validate=validate.Length(max=50), metadata={"description": "The version of its signatures."}
    )
    query = Text(
        load_default="",
        validate=validate.Length(max=100),
        metadata={"description": "For token and bearer: a parameter of the query that may hold it instead."},
    )

    @validates_schema
    def consistent(self, data: dict[str, Any], **_: Any) -> None:
        faults: dict[str, list[str]] = {}
        if data["kind"] in WITH_HEADERS and not data["names"]:
            faults["names"] = ["Name the header that holds the proof."]
        found = PLACEHOLDER.findall(data["template"])
        rest = PLACEHOLDER.sub("", data["template"])
        if any(one not in KNOWN for one in found) or "{" in rest or "}" in rest:
            faults["template"] = ["May hold {id}, {timestamp} and {body}, and no other braces."]
        elif found.count("{body}") != 1 or not data["template"].endswith("{body}"):
            faults["template"] = ["Must end in {body}, and hold it once."]
        if data["grammar"] != Grammar.BARE and not data["field"]:
            faults["field"] = ["This grammar needs it."]
        if data["freshness"] is not None:
            faults |= _timeless(data)
        if faults:
            raise ValidationError(faults)


def _timeless(data: dict[str, Any]) -> dict[str, list[str]]:
    """What is wrong where a time is asked for that no request would have to send, or that anybody could set."""
    faults: dict[str, list[str]] = {}
    placed = bool(data["names"]) and all(names["timestamp"] for names in data["names"])
    if not placed and not data["freshness"]["field"]:
        faults["freshness"] = ["Say where the time is: in `field`, or in a header, `timestamp` in each of `names`."]
    if data["kind"] in SIGNED and "{timestamp}" not in data["template"]:
        faults["template"] = ["Must hold {timestamp}: a time that is not signed proves nothing."]
    return faults
