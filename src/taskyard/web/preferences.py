"""The Prefer header (RFC 7240): what a caller would like, and may do without."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Response, request

from taskyard.web.documented import note

F = TypeVar("F", bound=Callable[..., Any])
MAX_WAIT_S = 20
MINIMAL = "return=minimal"
_PREFERENCE = re.compile(r'([!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*"?([^";,]*)"?)?')
# Between commas, but for those in quotes; a quote that is never closed reaches to the end.
_PART = re.compile(r'(?:[^,"]+|"(?:[^"\\]+|\\.?)*(?:"|$))+')
APPLIED: dict[str, Any] = {
    "Preference-Applied": {"description": "Which preferences were honoured (RFC 7240).", "schema": {"type": "string"}}
}


def header(*sentences: str) -> dict[str, Any]:
    """The parameter as a route documents it."""
    return {
        "in": "header",
        "name": "Prefer",
        "description": " ".join(["RFC 7240; what is not understood is ignored.", *sentences]),
        "schema": {"type": "string"},
    }


def documented(*sentences: str) -> Callable[[F], F]:
    """Document the header on a view that honours it itself."""

    def mark(view: F) -> F:
        note(view, parameters=[header(*sentences)], headers=APPLIED)
        return view

    return mark


@dataclass(frozen=True, slots=True)
class Preferences:
    wait_s: int = 0  # how long the answer may be held back until there is a result
    minimal: bool = False  # the answer need not show what was made


NONE = Preferences()


def asked() -> Preferences:
    """What the request at hand prefers."""
    given: str | None = request.environ.get("HTTP_PREFER")
    return NONE if given is None else parse(given)


def parse(given: str) -> Preferences:
    """The first of each name counts; what is malformed or unknown is passed over, as the RFC asks."""
    found: dict[str, str] = {}
    for part in _PART.findall(given):
        match = _PREFERENCE.match(part.strip())
        if match:
            found.setdefault(match[1].lower(), (match[2] or "").strip())
    wait = found.get("wait", "")
    digits = wait.lstrip("0") if wait.isascii() and wait.isdigit() else ""
    wait_s = min(int(digits or 0), MAX_WAIT_S) if len(digits) < 10 else MAX_WAIT_S
    return Preferences(wait_s, found.get("return", "").lower() == "minimal")


def applied(response: Response, preference: str) -> Response:
    response.headers["Preference-Applied"] = preference
    return response
