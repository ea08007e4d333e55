"""The Idempotency-Key header on POST: a repeat gets the first answer instead of a second deed."""

import hmac
import re
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import Response, current_app, g, request
from sqlalchemy.exc import SQLAlchemyError

from taskyard.core import idempotency as answers
from taskyard.core.crypto import Signer
from taskyard.core.db import database, db
from taskyard.core.errors import Fault, Invalid, TaskyardError, Unavailable
from taskyard.core.idempotency import Answer, Once, Repeated
from taskyard.web.auth import caller
from taskyard.web.documented import note

F = TypeVar("F", bound=Callable[..., Any])
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_KEPT_HEADERS = ("Location", "ETag")
HEADER = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "A unique text of your own such as `order-4711`, 255 characters at most. A repeat within 24 h gets"
    " the first answer; the same key with another body is 422.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"},
}
REPLAYED = {
    "Idempotency-Replayed": {"description": "`true` on a repeated answer.", "schema": {"type": "string"}},
}


def idempotent(view: F) -> F:
    """Honour Idempotency-Key. Stands between the route's `blp.response` and the view."""

    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        once = g.once = g.repeated = _once()
        if once is None:
            return view(*args, **kwargs)
        try:
            return _replay(once) or view(*args, **kwargs)
        except Repeated:
            return first_answer()

    note(wrapper, parameters=[HEADER], headers=REPLAYED, refusals=[422])
    return wrapper  # type: ignore[return-value]  # the wrapper takes and gives what the view does


def take() -> Once | None:
    """The key of this request, for a view that keeps the answer in a transaction of its own."""
    once: Once | None = g.pop("once", None)
    return once


def keep(response: Response) -> None:
    """Store the answer in the request's transaction, just before it is committed.

    Raises:
        Repeated: another request with this key was faster.
    """
    once: Once | None = g.get("once")
    if once is None or "Idempotency-Replayed" in response.headers:
        return
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    db.session.info["writing"] = True
    answers.keep(db.session.connection(), once, Answer(response.status_code, headers, response.get_data()))


def replay_if_done() -> Response | None:
    """The answer of a request with the same key that finished while this one failed; None: let it fail."""
    once: Once | None = g.get("once")
    try:
        return _replay(once) if once else None
    except (TaskyardError, SQLAlchemyError):
        return None


def first_answer() -> Response:
    """The answer of the request with the same key that was faster.

    Raises:
        Invalid: that was a different request.
    """
    answer = _replay(g.repeated)
    if answer is None:  # kept until a moment ago
        raise Unavailable("Another request with this Idempotency-Key has just ended. Try again.", retry_after_s=1)
    return answer


def _once() -> Once | None:
    key = request.environ.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise Invalid([Fault("Must be 1 to 255 visible ASCII characters.", header="Idempotency-Key")])
    line = [request.method.encode(), request.path.encode(), request.query_string]
    sent = b"\0".join([*line, request.get_data(cache=True)])
    signer: Signer = current_app.extensions["taskyard.fingerprints"]
    # With a key: a body may hold a password, which a plain hash would let guess.
    return Once(caller().user_id, key, hmac.digest(signer.key, sent, "sha256").hex())


def _replay(once: Once) -> Response | None:
    answer = answers.find(database(), once)
    if answer is None:
        return None
    headers = {**answer.headers, "Idempotency-Replayed": "true"}
    return Response(answer.body, answer.status, headers, content_type="application/json")
