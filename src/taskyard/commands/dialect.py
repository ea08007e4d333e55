"""Which schemas are accepted: JSON Schema 2020-12 that refers to nothing outside and can be checked in bounded time."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import jsonschema_rs
import orjson

from taskyard.commands import patterns, ways
from taskyard.commands.looks import Looks
from taskyard.commands.price import Price
from taskyard.commands.references import References
from taskyard.commands.validation import MASK, Check, faults, sentence
from taskyard.core import json
from taskyard.core.errors import Fault

MAX_SIZE = 64 * 1024  # bytes of JSON
MAX_NESTING = 64
MAX_FAULTS = 50
META_SCHEMA = {"$ref": "https://json-schema.org/draft/2020-12/schema"}  # jsonschema-rs has it built in


class Unacceptable(Exception):
    """Carries every fault found."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults


def check(schema: Any, at: str) -> Check:
    """What checks values against a schema that stands at this JSON pointer of the request.

    Raises:
        Unacceptable: it is none that is accepted.
    """
    if found := _shape(schema, at) or _grammar(schema, at):
        raise Unacceptable(found)
    if isinstance(schema, bool):
        return Check(_compiled(schema, at), Price([]))
    references = References(schema, at)
    if found := references.faults + _patterns(references):
        raise Unacceptable(found[:MAX_FAULTS])
    try:
        price = Price(ways.levels(Looks(schema, references)))
    except ways.TooIntricate as error:
        raise Unacceptable([Fault(error.fault.detail, pointer=error.fault.pointer or at)]) from error
    return Check(_compiled(schema, at), price)


def _shape(schema: Any, at: str) -> list[Fault]:
    if not isinstance(schema, dict | bool):
        return [Fault("A JSON Schema is an object, or true or false.", pointer=at)]
    if len(orjson.dumps(schema)) > MAX_SIZE:
        return [Fault(f"A schema may take {MAX_SIZE // 1024} KiB of JSON at most.", pointer=at)]
    if json.depth(schema) > MAX_NESTING:
        return [Fault(f"A schema may be nested {MAX_NESTING} levels deep at most.", pointer=at)]
    return []


@lru_cache(maxsize=1)
def _meta_schema() -> Any:
    return jsonschema_rs.Draft202012Validator(META_SCHEMA, pattern_options=patterns.OPTIONS, offline=True, mask=MASK)


def _grammar(schema: Any, at: str) -> list[Fault]:
    """Where a schema is none, by the meta-schema."""
    if _meta_schema().is_valid(schema):
        return []
    found: dict[Fault, None] = {}  # several vocabularies say the same of the same place
    for error in _meta_schema().iter_errors(schema):
        path = "".join(f"/{json.escape(str(token))}" for token in error.instance_path)
        found[Fault(f"This is no JSON Schema 2020-12: {sentence(error)}", pointer=f"{at}{path}")] = None
        if len(found) == MAX_FAULTS:
            break
    return list(found)


def _patterns(references: References) -> list[Fault]:
    found: list[Fault] = []
    seen: set[str] = set()
    for pattern, at in _all_patterns(references):
        seen.add(pattern)
        if len(seen) > patterns.MAX_PATTERNS:
            return [*found, Fault(f"A schema may hold {patterns.MAX_PATTERNS} patterns at most.", pointer=at)]
        if patterns.size(pattern) is None:
            found.append(Fault(patterns.REFUSED, pointer=at))
    return found


def _all_patterns(references: References) -> Iterator[tuple[str, str]]:
    """Each regular expression with its JSON pointer."""
    for schema in references.schemas:
        at = references.pointers[id(schema)]
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"], f"{at}/pattern"
        for pattern in schema.get("patternProperties", {}):
            yield pattern, f"{at}/patternProperties/{json.escape(pattern)}"


def _compiled(schema: Any, at: str) -> Any:
    try:
        return jsonschema_rs.Draft202012Validator(
            schema, pattern_options=patterns.OPTIONS, validate_formats=True, offline=True, mask=MASK
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        detail = str(error).partition("\n")[0][:300]
        raise Unacceptable([Fault(f"This schema cannot be used: {detail}", pointer=at)]) from error


def accepts(schema: Any, value: Any) -> bool:
    """Whether a value fits a schema that was accepted; False too where finding out would cost too much."""
    return not faults(check(schema, ""), value, "")
