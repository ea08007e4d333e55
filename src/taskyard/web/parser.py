"""How a request becomes arguments: strict JSON, unknown fields refused, every fault reported at once."""

from collections.abc import Iterator
from typing import Any, NoReturn

import flask
import marshmallow as ma
from webargs import missing
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import RequestEntityTooLarge

from taskyard.core import json
from taskyard.core.errors import Fault, Invalid, UnsupportedType

NDJSON = "application/x-ndjson"
MOST_LINES = 10_000  # whoever takes lines takes fewer that are not blank
MOST_FORM = 64 * 1024  # bytes; a form of 2 MiB may hold so many fields that taking it apart takes seconds


class StrictParser(FlaskParser):
    """webargs' parser with our errors; it also answers 415, which webargs reports as a missing field.

    A schema with the attribute `lines` also takes newline-delimited JSON: the lines are its field of that name.
    """

    DEFAULT_UNKNOWN_BY_LOCATION = dict.fromkeys(("json", "query", "form", "path"), ma.RAISE)

    def load_json(self, req: flask.Request, schema: ma.Schema) -> Any:
        if req.environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
            raise UnsupportedType("Send the body as it is, without a Content-Encoding.")
        sent = req.environ.get("CONTENT_TYPE")
        media_type = sent if sent == "application/json" else req.mimetype  # the usual one is not taken apart
        if media_type == NDJSON and hasattr(schema, "lines"):
            return {schema.lines: _lines(req.get_data(cache=True), f"/{schema.lines}")}
        if media_type != "application/json" and not media_type.endswith("+json"):
            if not media_type and not req.content_length:
                return missing
            raise UnsupportedType("Send the body as JSON, with the header Content-Type: application/json.")
        raw = req.get_data(cache=True)
        return json.loads(raw) if raw else missing

    def load_querystring(self, req: flask.Request, schema: ma.Schema) -> Any:
        try:
            twice = [name for name, values in req.args.lists() if len(values) > 1]
            if twice:
                raise Invalid([Fault("Give it once.", parameter=name) for name in twice])
            return super().load_querystring(req, schema)
        except UnicodeDecodeError as error:  # raw bytes where RFC 3986 wants them percent-encoded
            raise Invalid([Fault("The query string must be percent-encoded UTF-8.", parameter="")]) from error

    def load_form(self, req: flask.Request, schema: ma.Schema) -> Any:
        if req.mimetype != "application/x-www-form-urlencoded":
            raise UnsupportedType("Send the body with the header Content-Type: application/x-www-form-urlencoded.")
        if len(req.get_data(cache=True, parse_form_data=False)) > MOST_FORM:
            raise RequestEntityTooLarge
        return super().load_form(req, schema)

    def handle_error(
        self, error: ma.ValidationError, req: flask.Request, schema: ma.Schema, **_options: Any
    ) -> NoReturn:
        messages: Any = error.messages
        faults = [fault for location, found in messages.items() for fault in _faults(location, found)]
        raise Invalid(faults) from error


def _faults(location: str, messages: Any) -> Iterator[Fault]:
    if location in {"json", "form"}:
        yield from faults_in(messages)
    else:
        for path, sentence in flatten(messages, ()):
            yield Fault(sentence, parameter=str(path[0]) if path else None)


def faults_in(messages: Any) -> Iterator[Fault]:
    """marshmallow's messages on a body as faults, each with its pointer."""
    for path, sentence in flatten(messages, ()):
        yield Fault(sentence, pointer="".join(f"/{json.escape(str(token))}" for token in path))


def _lines(raw: bytes, pointer: str) -> list[Any]:
    """The values of newline-delimited JSON; in place of a line that is none, the Invalid that says why."""
    found: list[Any] = []
    if raw.count(b"\n") > MOST_LINES:
        raise Invalid([Fault(f"A body has {MOST_LINES:,} lines at most, blank ones included.", pointer=pointer)])
    for number, line in enumerate(raw.split(b"\n"), 1):
        try:
            if line.strip():
                found.append(json.loads(line, line=number))
        except Invalid as error:
            found.append(error)
    return found


def flatten(messages: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """marshmallow's nested messages as pairs of path and sentence."""
    if isinstance(messages, dict):
        for token, inner in messages.items():
            yield from flatten(inner, path if token == ma.exceptions.SCHEMA else (*path, token))
    elif isinstance(messages, list):
        for inner in messages:
            yield from flatten(inner, path)
    else:
        yield path, str(messages)
