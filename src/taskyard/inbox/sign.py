"""Signing a webhook as a provider would: for trying out a source, and for tests."""

import base64
from datetime import datetime
from typing import Any

import orjson
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from taskyard.inbox.credentials import AUTHORIZATION
from taskyard.inbox.keys import ED25519_BYTES, NoKey, decoded, mac
from taskyard.inbox.presets import Preset
from taskyard.inbox.scheme import Encoding, Grammar, KeyForm, Kind, Scheme, Unit
from taskyard.inbox.verify import signed_head

PRIVATE_PREFIX = "whsk_"


def sign(
    preset: Preset, secret: str, body: bytes, now: datetime, *, event: str = "", message_id: str = ""
) -> list[tuple[str, str]]:
    """The headers that a webhook of this provider carries. For public keys, `secret` is the private one.

    Raises:
        NoKey: no key can be made of the secret.
    """
    headers = proof(preset.scheme, secret, body, now, message_id)
    told = {name.lower() for name, _ in headers}
    of_the_event = [(place, event) for place in preset.event_type[:1]]
    of_the_message = [(place, message_id) for places in preset.dedupe_key[:1] for place in places]
    for place, value in of_the_event + of_the_message:
        where, _, name = place.partition(":")
        if where == "header" and value and name.lower() not in told:
            headers.append((name, value))
    return headers


def proof(scheme: Scheme, secret: str, body: bytes, now: datetime, message_id: str) -> list[tuple[str, str]]:
    """The headers of the proof alone."""
    if scheme.kind is Kind.NONE:
        return []
    if scheme.kind in {Kind.BEARER, Kind.BASIC, Kind.TOKEN}:
        return [_credentials(scheme, secret)]
    names, freshness = scheme.names[0], scheme.freshness
    timestamp = ""
    if names.timestamp or (freshness and freshness.field):
        in_ms = freshness is not None and freshness.unit is Unit.MILLISECONDS
        timestamp = str(int(now.timestamp() * (1000 if in_ms else 1)))
    field, signature = _signature(scheme, secret, signed_head(scheme, message_id, timestamp), body)
    headers = [(names.id, message_id), (names.timestamp, timestamp)]
    shown = _written(scheme, field, _encoded(scheme.encoding, signature), timestamp)
    return [(name, value) for name, value in headers if name] + [(names.signature, shown)]


def _credentials(scheme: Scheme, secret: str) -> tuple[str, str]:
    header = scheme.names[0].signature if scheme.names else AUTHORIZATION
    sent = secret.encode()
    if scheme.kind is Kind.TOKEN:
        return header, sent.decode("latin-1")
    if scheme.kind is Kind.BASIC:
        return header, f"Basic {base64.b64encode(sent).decode()}"
    return header, f"Bearer {sent.decode('latin-1')}"


def _signature(scheme: Scheme, secret: str, head: bytes, body: bytes) -> tuple[str, bytes]:
    """The signature, and the field it belongs in."""
    if scheme.kind is Kind.ECDSA:
        return scheme.field, _ecdsa(secret).sign(head + body, ec.ECDSA(hashes.SHA256()))
    if scheme.public_prefix and secret.startswith(PRIVATE_PREFIX):
        return scheme.public_field, _ed25519(decoded(KeyForm.BASE64, PRIVATE_PREFIX, secret)).sign(head + body)
    if scheme.kind is Kind.ED25519:
        return scheme.field, _ed25519(decoded(scheme.key, scheme.key_prefix, secret)).sign(head + body)
    return scheme.field, mac(decoded(scheme.key, scheme.key_prefix, secret), scheme.digest, head, body)


def _ed25519(raw: bytes) -> Ed25519PrivateKey:
    """A seed of 32 bytes, or as libsodium has it, followed by the public key."""
    if len(raw) not in {ED25519_BYTES, 2 * ED25519_BYTES}:
        raise NoKey(f"an ed25519 private key has {ED25519_BYTES} or {2 * ED25519_BYTES} bytes, this one has {len(raw)}")
    return Ed25519PrivateKey.from_private_bytes(raw[:ED25519_BYTES])


def _ecdsa(secret: str) -> ec.EllipticCurvePrivateKey:
    try:
        if secret.lstrip().startswith("-----BEGIN"):
            key = serialization.load_pem_private_key(secret.encode(), None)
        else:
            key = serialization.load_der_private_key(base64.b64decode(secret, validate=True), None)
    except (ValueError, TypeError) as error:
        raise NoKey("it is no private key in base64 (DER) or PEM") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise NoKey("it is a private key of another kind than ECDSA P-256")
    return key


def _encoded(encoding: Encoding, signature: bytes) -> str:
    if encoding is Encoding.HEX:
        return signature.hex()
    if encoding is Encoding.BASE64:
        return base64.b64encode(signature).decode()
    return base64.urlsafe_b64encode(signature).decode().rstrip("=")


def _written(scheme: Scheme, field: str, text: str, timestamp: str) -> str:
    """The value of the signature's header."""
    if scheme.grammar is Grammar.VERSIONS:
        return f"{field},{text}"
    if scheme.grammar in {Grammar.BARE, Grammar.PREFIX}:
        return text if scheme.grammar is Grammar.BARE else f"{field}{text}"
    separator = "," if scheme.grammar is Grammar.COMMAS else ";"
    pairs = [(scheme.freshness.field, timestamp)] if scheme.freshness and scheme.freshness.field else []
    return separator.join(f"{name}={value}" for name, value in [*pairs, (field, text)])


def sample(preset: Preset, event: str, message_id: str) -> bytes:
    """A body such as the provider's: what names the event and the message, where those stand in the body."""
    told: dict[str, Any] = {}
    of_the_message = [(place, message_id) for places in preset.dedupe_key[:1] for place in places]
    for place, value in [*((place, event) for place in preset.event_type[:1]), *of_the_message]:
        where, _, path = place.partition(":")
        if where == "body":
            *steps, last = path.split(".")
            inside = told
            for step in steps:
                inside = inside.setdefault(step, {})
            inside[last] = value
    return orjson.dumps([told] if preset.many else told)
