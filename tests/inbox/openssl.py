"""Signing by openssl, and how each provider has it signed, by its documentation."""

import base64
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Keys made once by `openssl genpkey`, only for these vectors.
ED25519_SEED = bytes(range(32))
ED25519_DER = bytes.fromhex("302e020100300506032b657004220420") + ED25519_SEED
P256_PEM = """-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4foAoGCCqGSM49
AwEHoUQDQgAEelkxgIYMQDfIPBJ0mEXI7hQk3Sl/rcuJXjWCVdLH0rKoyiVYDyYm
/leQYv8bmf+RwkoNoG+zK1viAUjJJJ9WUA==
-----END EC PRIVATE KEY-----
"""


def openssl(*arguments: str, given: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=True).stdout


def hmac(digest: str, key: bytes, content: bytes) -> bytes:
    return openssl("dgst", f"-{digest}", "-mac", "HMAC", "-macopt", f"hexkey:{key.hex()}", "-binary", given=content)


def signed_by(key: bytes, form: str, *options: str, content: bytes) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "key").write_bytes(key)
        Path(folder, "content").write_bytes(content)
        return openssl(
            *("pkeyutl", "-sign", "-rawin", "-inkey", f"{folder}/key", "-keyform", form, "-in", f"{folder}/content"),
            *options,
        )


def public(key: bytes, form: str) -> bytes:
    return openssl("pkey", "-inform", form, "-pubout", "-outform", "DER", given=key)


HEX, B64 = bytes.hex, lambda raw: base64.b64encode(raw).decode()


@dataclass(frozen=True)
class Provider:
    """As its documentation has it."""

    preset: str
    header: str
    head: str = ""  # what is signed before the body
    shape: str = "{signature}"  # of the header
    encode: Any = HEX
    digest: str = "sha256"
    stamp: str = ""  # the header of the timestamp
    id: str = ""  # the header of the id
    per_second: int = 1
    decoded: bool = False  # the secret is whsec_ and base64
    timed: bool = False
    future: bool = True  # whether it is refused
    tolerance: int | None = 300


STANDARD = {
    "head": "{id}.{ts}.",
    "shape": "v1,{signature}",
    "encode": B64,
    "decoded": True,
    "timed": True,
}
PROVIDERS = [
    Provider("standard-webhooks", "webhook-signature", stamp="webhook-timestamp", id="webhook-id", **STANDARD),
    Provider("standard-webhooks", "svix-signature", stamp="svix-timestamp", id="svix-id", **STANDARD),
    Provider("gitlab-signed", "webhook-signature", stamp="webhook-timestamp", id="webhook-id", **STANDARD),
    Provider("github", "X-Hub-Signature-256", shape="sha256={signature}"),
    Provider("stripe", "Stripe-Signature", "{ts}.", "t={ts},v1={signature}", timed=True, future=False),
    Provider("slack", "X-Slack-Signature", "v0:{ts}:", "v0={signature}", stamp="X-Slack-Request-Timestamp", timed=True),
    Provider("shopify", "X-Shopify-Hmac-SHA256", encode=B64),
    Provider("paddle", "Paddle-Signature", "{ts}:", "ts={ts};h1={signature}", timed=True),
    Provider("webflow", "x-webflow-signature", "{ts}:", stamp="x-webflow-timestamp", timed=True, per_second=1000),
    Provider("vercel", "x-vercel-signature", digest="sha1"),
    Provider("woocommerce", "X-WC-Webhook-Signature", encode=B64),
    Provider("gitea", "X-Gitea-Signature"),
    Provider("forgejo", "X-Forgejo-Signature"),
    Provider("forgejo", "X-Gitea-Signature"),
    Provider("x", "X-Twitter-Webhooks-Signature", shape="sha256={signature}", encode=B64),
    Provider("meta", "X-Hub-Signature-256", shape="sha256={signature}"),
    Provider("hmac", "X-Signature"),
]
