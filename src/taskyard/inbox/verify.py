"""The one verifier: a request, a scheme and secrets in, a verdict out. No input is an exception."""

from collections.abc import Sequence
from datetime import datetime

from taskyard.inbox.received import Received
from taskyard.inbox.scheme import Scheme, Secret
from taskyard.inbox.verdict import Verdict


def verify(scheme: Scheme, secrets: Sequence[Secret], request: Received, now: datetime) -> Verdict:
    """Whether the request proves to come from one who holds a live secret. Works on raw bytes, in constant time."""
    raise NotImplementedError
