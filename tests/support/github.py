"""GitHub, as it sends webhooks."""

import hashlib
import hmac
import itertools
import json
from typing import Any

from werkzeug.test import TestResponse

from support.caller import Caller

SECRET = "It's a Secret to Everybody"
PUSH = {"filter": "type == 'push'", "command": "build", "payload": "{ref: body.ref}"}
GITHUB = {"preset": "github", "secrets": [{"secret": SECRET}], "routes": [PUSH]}


def signature(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.digest(secret.encode(), body, hashlib.sha256).hex()


class Hook:
    """Sends signed requests to a source; each a delivery of its own, unless told otherwise."""

    def __init__(self, caller: Caller, path: str = "/hooks/github") -> None:
        self._caller = caller
        self._path = path
        self._numbers = itertools.count()

    def send(
        self,
        body: Any = None,
        *,
        event: str | None = "push",
        delivery: str | None = None,
        secret: str = SECRET,
        headers: dict[str, str] | None = None,
        path: str | None = None,
        **options: Any,
    ) -> TestResponse:
        raw = body if isinstance(body, bytes) else json.dumps({"ref": "main"} if body is None else body).encode()
        sent = {
            "Content-Type": "application/json",
            "X-Hub-Signature-256": signature(raw, secret),
            "X-GitHub-Delivery": delivery or f"delivery-{next(self._numbers)}",
            **({"X-GitHub-Event": event} if event is not None else {}),
            **(headers or {}),
        }
        return self._caller.request("POST", path or self._path, data=raw, headers=sent, **options)
