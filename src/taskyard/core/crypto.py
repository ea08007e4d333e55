"""Secrets: made, hashed, and the key that signs what leaves this server."""

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

TOKEN_BYTES = 32


def new_secret(prefix: str) -> str:
    """An unguessable token of 256 bits with a prefix that says what it is (and that secret scanners can find)."""
    return f"{prefix}_{secrets.token_urlsafe(TOKEN_BYTES)}"


def digest(secret: str) -> str:
    """How a token of ours is stored. It has 256 bits of its own, so a fast hash is enough; passwords take argon2."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Signer:
    """Signs short texts with a key derived from the server's secret for one purpose."""

    def __init__(self, secret: bytes, purpose: str) -> None:
        self._key = hmac.digest(secret, b"taskyard/" + purpose.encode(), "sha256")

    def sign(self, message: bytes) -> str:
        return base64.urlsafe_b64encode(hmac.digest(self._key, message, "sha256")[:12]).decode()

    def holds(self, message: bytes, signature: str) -> bool:
        return hmac.compare_digest(self.sign(message).encode(), signature.encode())

    @property
    def key(self) -> bytes:
        """32 bytes, for libraries that sign by themselves."""
        return self._key


def secret_key(path: Path) -> bytes:
    """The server's secret, made at the first start and the same for all its processes.

    os.link makes it appear whole or not at all, so two first starts at once agree on one.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        write_private(draft, secrets.token_urlsafe(48))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # the other start was first; its key is the one
        finally:
            draft.unlink()
    return path.read_text().strip().encode()


def write_private(path: Path, text: str) -> None:
    """Write a file only its owner can read, from its first moment on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
