"""Keys made of secrets, and whether a signature is one of theirs."""

import base64
import binascii
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from taskyard.inbox.scheme import KeyForm, Kind, Scheme

ED25519_BYTES = 32


class NoKey(Exception):
    """A secret no key can be made of; says why, without the secret."""


# Of what stands before the body, the body and the signatures offered: whether one of them is of this key. All at once,
# so that sixteen signatures over 25 MiB do not cost sixteen hashes.
MadeOne = Callable[[bytes, bytes, Sequence[bytes]], bool]


@dataclass(frozen=True, slots=True)
class Key:
    """Tells its own signatures from others; `field` is where those of its algorithm stand."""

    field: str
    made_one: MadeOne


def key_of(scheme: Scheme, secret: str) -> Key:
    """The key of a secret. Which algorithm it is for, the secret says and never the request.

    Raises:
        NoKey: the secret is malformed.
    """
    if not secret.strip():
        raise NoKey("it is empty")
    if scheme.kind is Kind.ECDSA:
        return Key(scheme.field, _ecdsa(secret))
    if scheme.public_prefix and secret.startswith(scheme.public_prefix):
        return Key(scheme.public_field, _ed25519(decoded(KeyForm.BASE64, scheme.public_prefix, secret)))
    if secret.startswith("whsk_") and scheme.public_prefix:
        raise NoKey("it is the sender's private key; the public one (whpk_…) belongs here")
    if scheme.kind is Kind.ED25519:
        return Key(scheme.field, _ed25519(decoded(scheme.key, scheme.key_prefix, secret)))
    return Key(scheme.field, _hmac(decoded(scheme.key, scheme.key_prefix, secret), scheme.digest))


def decoded(form: KeyForm, prefix: str, secret: str) -> bytes:
    """The bytes of a secret."""
    raw = secret.encode("utf-8", "surrogatepass")
    if form is KeyForm.RAW:
        return raw
    text = raw.removeprefix(prefix.encode())
    try:
        key = binascii.unhexlify(text) if form is KeyForm.HEX else base64.b64decode(_padded(text), validate=True)
    except ValueError as error:
        raise NoKey(f"{f'what follows {prefix}' if prefix else 'it'} is not {form}") from error
    if not key:
        raise NoKey(f"nothing follows {prefix}" if prefix else "it is empty")
    return key


def _padded(text: bytes) -> bytes:
    return text + b"=" * (-len(text) % 4)


def _hmac(key: bytes, digest: str) -> MadeOne:
    def made_one(head: bytes, body: bytes, signatures: Sequence[bytes]) -> bool:
        expected = mac(key, digest, head, body)
        return any([hmac.compare_digest(expected, signature) for signature in signatures])  # noqa: C419 - all of them

    return made_one


def mac(key: bytes, digest: str, head: bytes, body: bytes) -> bytes:
    """The HMAC of both, without copying the body."""
    made = hmac.new(key, head, digest)
    made.update(body)
    return made.digest()


def _ed25519(raw: bytes) -> MadeOne:
    if len(raw) != ED25519_BYTES:
        raise NoKey(f"an ed25519 public key has {ED25519_BYTES} bytes, this one has {len(raw)}")
    key = Ed25519PublicKey.from_public_bytes(raw)
    return _verified_by(lambda signature, content: key.verify(signature, content))


def _verified_by(check: Callable[[bytes, bytes], None]) -> MadeOne:
    def made_one(head: bytes, body: bytes, signatures: Sequence[bytes]) -> bool:
        content = head + body
        return any(_passes(check, signature, content) for signature in signatures)

    return made_one


def _passes(check: Callable[[bytes, bytes], None], signature: bytes, content: bytes) -> bool:
    try:
        check(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def _ecdsa(secret: str) -> MadeOne:
    """SendGrid shows its public key as base64 DER without armour; PEM is taken as well."""
    text = secret.strip().encode("utf-8", "surrogatepass")
    try:
        if text.startswith(b"-----BEGIN"):
            key = serialization.load_pem_public_key(text)
        else:
            key = serialization.load_der_public_key(base64.b64decode(_padded(text), validate=True))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise NoKey("it is no public key in base64 (DER) or PEM") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise NoKey("it is a public key of another kind than ECDSA P-256")
    public = key
    return _verified_by(lambda signature, content: public.verify(signature, content, ec.ECDSA(hashes.SHA256())))
