"""ETag and If-Match on what is configured, from the row's version column (RFC 9110, sections 8.8.3 and 13)."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import Response, request

from taskyard.core.errors import Fault, Invalid
from taskyard.web.documented import note

F = TypeVar("F", bound=Callable[..., Any])
_TAG = re.compile(r'"v([0-9]{1,9})"')
ETAG = {"ETag": {"description": 'The version, as in "v3"; send it back as If-Match.', "schema": {"type": "string"}}}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "description": 'Do it only if the version is still this one, such as `"v3"`; otherwise 412.',
    "schema": {"type": "string"},
}
IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "description": 'Answer 304 if the version is still this one, such as `"v3"`.',
    "schema": {"type": "string"},
}

CREATE_ONLY = {
    "in": "header",
    "name": "If-None-Match",
    "description": "With `*`: create it, and answer 412 if it is there already.",
    "schema": {"type": "string", "enum": ["*"]},
}


def tag(version: int) -> str:
    return f'"v{version}"'


def expected() -> int | None:
    """The version that If-Match names, or None where any will do.

    Raises:
        Invalid: the header is no ETag of ours.
    """
    given = request.headers.get("If-Match")
    if given is None or given.strip() == "*":
        return None
    match = _TAG.fullmatch(given.strip())
    if match is None:
        raise Invalid([Fault('Send the ETag of a GET, such as "v3", or *.', header="If-Match")])
    return int(match[1])


def only_new() -> bool:
    """Whether `If-None-Match: *` asks to create and not to replace (RFC 9110, section 13.1.2).

    Raises:
        Invalid: the header names a version: what would that mean for a change?
    """
    given = request.headers.get("If-None-Match")
    if given is not None and given.strip() != "*":
        raise Invalid([Fault("Only * is understood on a change. Send If-Match for a version.", header="If-None-Match")])
    return given is not None


def create_only(view: F) -> F:
    """Document `If-None-Match: *` on a PUT, which asks `only_new` itself."""
    note(view, parameters=[CREATE_ONLY], refusals=[412])
    return view


def versioned(view: F) -> F:
    """Answer with the ETag of what the view returns (an object with `version`), and 304 where it is known already.

    Stands between the route's `blp.response` and the view.
    """
    return _tagged(view, reads=([IF_NONE_MATCH], [304]))


def stamped(view: F) -> F:
    """`versioned` without the 304, for a GET that shows more than what its version stands for: a state that moves."""
    return _tagged(view, reads=([], []))


def _tagged(view: F, *, reads: tuple[list[dict[str, Any]], list[int]]) -> F:
    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        found = view(*args, **kwargs)
        item, *rest = found if isinstance(found, tuple) else (found,)
        etag = tag(item.version)
        if 304 in reads[1] and request.method == "GET" and etag in request.headers.get("If-None-Match", ""):
            return Response(status=304, headers={"ETag": etag})
        status = rest[0] if rest else None
        headers = {**(rest[1] if len(rest) > 1 else {}), "ETag": etag}
        return item, status, headers

    by_method: dict[str, tuple[list[dict[str, Any]], list[int]]] = {"get": reads, "post": ([], [])}
    parameters, refusals = by_method.get(view.__name__, ([IF_MATCH], [412]))
    note(wrapper, headers=ETAG, parameters=parameters, refusals=refusals)
    return wrapper  # type: ignore[return-value]  # the wrapper takes and gives what the view does


def tagged(view: F) -> F:
    """Answer with the ETag of what is configured in what the view returns, but never 304: the rest moves by itself."""

    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        found = view(*args, **kwargs)
        return found, 200, {"ETag": tag(found.version)}

    note(wrapper, headers=ETAG)
    return wrapper  # type: ignore[return-value]  # the wrapper takes and gives what the view does


def conditional(view: F) -> F:
    """Document If-Match on a view that returns nothing to be versioned: a DELETE, which asks `expected` itself."""
    note(view, parameters=[IF_MATCH], refusals=[412, 422])
    return view
