"""JSON Schema (2020-12), compiled once: every fault of a value, with its JSON pointer."""

from typing import Any, NoReturn, Protocol

import jsonschema_rs

from taskyard.core import json
from taskyard.core.errors import Fault

MAX_FAULTS = 100


class Validator(Protocol):
    def is_valid(self, instance: Any) -> bool: ...

    def iter_errors(self, instance: Any) -> Any: ...


def _refuse(uri: str) -> NoReturn:
    """jsonschema-rs would fetch a remote `$ref` by itself: a way into the internal network."""
    raise ValueError(f"References to other documents are not followed: {uri}")


def compiled(schema: Any) -> Validator:
    """A validator of this schema; the regular expressions in it run in linear time."""
    return jsonschema_rs.Draft202012Validator(
        schema, retriever=_refuse, pattern_options=jsonschema_rs.RegexOptions(), validate_formats=True
    )


def faults(validator: Validator, value: Any, at: str) -> list[Fault]:
    """Everything wrong with a value that stands at this JSON pointer of the request, up to 100 faults."""
    if validator.is_valid(value):
        return []
    found: list[Fault] = []
    for error in validator.iter_errors(value):
        path = "".join(f"/{json.escape(str(token))}" for token in error.instance_path)
        found.append(Fault(error.message, pointer=f"{at}{path}"))
        if len(found) == MAX_FAULTS:
            break
    return found
