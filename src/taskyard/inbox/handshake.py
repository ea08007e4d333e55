"""How providers ask whether somebody is there, and what they want to hear."""

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from taskyard.core.idempotency import Answer
from taskyard.inbox.credentials import same
from taskyard.inbox.presets import Handshake, Preset
from taskyard.inbox.received import Received
from taskyard.inbox.scheme import Secret

# What is echoed goes into an answer of this server's: a few plain characters, and never as HTML.
TOKEN = re.compile(r"[A-Za-z0-9+/=_.-]{1,256}")
ORIGIN = re.compile(r"[A-Za-z0-9.:_\[\]-]{1,253}")
RATE = re.compile(r"[0-9]{1,9}")
MOST_CHALLENGE = 64 * 1024  # bytes of a body that is looked into for a challenge
AS_TEXT: Mapping[str, str] = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}


def before(preset: Preset, secrets: Sequence[Secret], received: Received, now: datetime) -> Answer | None:
    """The answer to a question that comes without a signature; None where this is none."""
    live = [secret.value for secret in secrets if secret.value and secret.is_live(now)]
    if preset.handshake is Handshake.X_CRC and received.method == "GET":
        return _crc(live, received)
    if preset.handshake is Handshake.META_CHALLENGE and received.method == "GET":
        return _meta(live, received)
    if preset.handshake is Handshake.CLOUDEVENTS_ORIGIN and received.method == "OPTIONS":
        return _origin(received)
    return None


def after(preset: Preset, received: Received) -> Answer | None:
    """The answer to a question in a request that has been verified; None where it is a webhook like any other."""
    if preset.handshake is Handshake.GITHUB_PING and received.header("X-GitHub-Event") == ["ping"]:
        return _json({"pong": True})
    if preset.handshake is Handshake.SLACK_CHALLENGE:
        return _slack(received)
    if preset.handshake is Handshake.X_CRC and TOKEN.fullmatch(received.body.decode("latin-1")):
        # Whoever asks for the answer to a crc_token gets that text signed by the key that signs webhooks, too.
        return _json({})
    return None


def verify_token(secret: str) -> str:
    """What is to be entered as Meta's verify token. It travels in URLs: so it is made of the app secret by a hash and
    half of that kept back, as the whole would be a signature."""
    return hmac.digest(secret.encode("utf-8", "surrogatepass"), b"taskyard verify token", "sha256").hex()[:32]


def _crc(live: Sequence[str], received: Received) -> Answer | None:
    token = _only(received.parameter("crc_token"))
    if not live or not TOKEN.fullmatch(token):
        return None
    made = hmac.digest(live[0].encode("utf-8", "surrogatepass"), token.encode(), "sha256")
    return _json({"response_token": f"sha256={base64.b64encode(made).decode()}"})


def _meta(live: Sequence[str], received: Received) -> Answer | None:
    challenge = _only(received.parameter("hub.challenge"))
    offered = _only(received.parameter("hub.verify_token")).encode("utf-8", "surrogatepass")
    known = [same(verify_token(secret).encode(), offered) for secret in live]
    if received.parameter("hub.mode") != ["subscribe"] or not any(known) or not TOKEN.fullmatch(challenge):
        return None
    return Answer(200, dict(AS_TEXT), challenge.encode())


def _origin(received: Received) -> Answer | None:
    """CloudEvents, HTTP 1.1 Web Hooks for Event Delivery, section 4: may this origin send here? Without a token that is
    asked of everybody, it may, as what it then sends has to carry one."""
    origin = _only(received.header("WebHook-Request-Origin"))
    if not ORIGIN.fullmatch(origin):
        return None
    headers = {"WebHook-Allowed-Origin": origin, "Allow": "OPTIONS, POST"}
    rate = _only(received.header("WebHook-Request-Rate"))
    return Answer(200, headers | ({"WebHook-Allowed-Rate": rate} if RATE.fullmatch(rate) else {}), b"")


def _slack(received: Received) -> Answer | None:
    if len(received.body) > MOST_CHALLENGE:
        return None
    try:
        asked = orjson.loads(received.body)
    except ValueError:
        return None
    if not isinstance(asked, dict) or asked.get("type") != "url_verification":
        return None
    challenge = asked.get("challenge")
    return Answer(200, dict(AS_TEXT), challenge.encode()) if isinstance(challenge, str) else None


def _only(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else ""


def _json(value: Any) -> Answer:
    return Answer(200, {"Content-Type": "application/json"}, orjson.dumps(value))
