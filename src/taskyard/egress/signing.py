"""Standard Webhooks signatures (standardwebhooks.com, 1.0.0): HMAC-SHA256 and ed25519, with every live secret."""

import base64
import hmac
import secrets as randomness
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HMAC = "whsec_"
PRIVATE = "whsk_"
PUBLIC = "whpk_"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """`private` signs and stays here; `public` is what the receiver verifies with."""

    private: str
    public: str


def new_secret() -> str:
    """A secret of 256 bits that both sides know."""
    return HMAC + base64.b64encode(randomness.token_bytes(32)).decode()


def new_key_pair() -> KeyPair:
    private = Ed25519PrivateKey.generate()
    return KeyPair(
        PRIVATE + base64.b64encode(private.private_bytes_raw()).decode(),
        PUBLIC + base64.b64encode(private.public_key().public_bytes_raw()).decode(),
    )


def sign(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers; a secret's prefix says which kind of signature it makes.

    Raises:
        ValueError: a secret is none of ours.
    """
    content = f"{message_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(secret, content) for secret in secrets),
    }


def _signature(secret: str, content: bytes) -> str:
    if secret.startswith(HMAC):
        key = base64.b64decode(secret.removeprefix(HMAC), validate=True)
        return "v1," + base64.b64encode(hmac.digest(key, content, "sha256")).decode()
    if secret.startswith(PRIVATE):
        # libsodium's form is the seed followed by the public key; the seed alone says it all.
        seed = base64.b64decode(secret.removeprefix(PRIVATE), validate=True)[:32]
        return "v1a," + base64.b64encode(Ed25519PrivateKey.from_private_bytes(seed).sign(content)).decode()
    raise ValueError("A signing secret begins with whsec_ or whsk_.")
