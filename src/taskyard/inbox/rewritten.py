"""Bodies that may have been signed before something on the way wrote them anew."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from taskyard.inbox.finding import ADVICE, Finding
from taskyard.inbox.received import Received, parameters
from taskyard.inbox.scheme import Scheme, Secret
from taskyard.inbox.supposed import Guess

MOST = 1024 * 1024  # bytes; writing JSON anew costs far more than hashing it
COMPACT, SPACED = (",", ":"), (", ", ": ")

AS_JSON: tuple[tuple[str, dict[str, Any]], ...] = (
    ("as compact JSON", {"separators": COMPACT, "ensure_ascii": False}),
    ("as JSON with blanks after commas and colons", {"separators": SPACED, "ensure_ascii": False}),
    ("as compact JSON with sorted keys", {"separators": COMPACT, "ensure_ascii": False, "sort_keys": True}),
    ("as JSON with blanks and sorted keys", {"separators": SPACED, "ensure_ascii": False, "sort_keys": True}),
    ("as compact JSON in ASCII", {"separators": COMPACT}),
    ("as JSON with blanks, in ASCII", {"separators": SPACED}),
    ("as JSON indented by 2", {"indent": 2, "ensure_ascii": False}),
    ("as JSON indented by 4", {"indent": 4, "ensure_ascii": False}),
)
AS_TEXT: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
    ("with a line end after it", lambda body: body + b"\n"),
    ("without the line end after it", lambda body: body.rstrip(b"\r\n")),
    ("with CRLF for line ends", lambda body: body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")),
    ("with LF for line ends", lambda body: body.replace(b"\r\n", b"\n")),
    ("without the byte order mark", lambda body: body.removeprefix(b"\xef\xbb\xbf")),
    ("in Latin-1 instead of UTF-8", lambda body: body.decode("utf-8", "replace").encode("latin-1", "replace")),
    ("with slashes escaped, as PHP does", lambda body: body.replace(b"\\/", b"/").replace(b"/", b"\\/")),
    ("with slashes not escaped", lambda body: body.replace(b"\\/", b"/")),
    ("as nothing: an empty body", lambda _: b""),
)


def bodies(scheme: Scheme, secrets: Sequence[Secret], request: Received) -> Iterator[Guess]:
    """Each other body, once."""
    if len(request.body) > MOST:
        return
    seen = {request.body}
    for code, how, body in _others(request):
        if body not in seen:
            seen.add(body)
            finding = Finding(code, f"The body was changed on its way: it would match {how}.", ADVICE[code])
            yield Guess(finding, scheme, secrets, replace(request, body=body))


def _others(request: Received) -> Iterator[tuple[str, str, bytes]]:
    for how, changed in AS_TEXT:
        yield "body_rewritten", how, changed(request.body)
    for how, body in _as_json(request.body):
        yield "body_rewritten", how, body
        yield "body_rewritten", f"{how}, with a line end after it", body + b"\n"
    if request.content_type == "application/x-www-form-urlencoded":
        for name, value in parameters(request.body.decode("latin-1"))[:1]:
            yield "form_decoded", f"as the decoded field {name[:50]!a} of the form alone", value.encode()


def _as_json(body: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        value = json.loads(body)
        for how, options in AS_JSON:
            yield how, json.dumps(value, **options).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError, TypeError):
        return
