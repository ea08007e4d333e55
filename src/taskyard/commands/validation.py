"""Checking values: every fault with its JSON pointer, in words that do not repeat the value."""

from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from taskyard.commands.price import Price
from taskyard.core import json
from taskyard.core.errors import Fault

MAX_FAULTS = 100
MAX_SENTENCE = 300  # characters; a sentence may quote names that were sent
MASK = "The value"  # stands in a sentence where the value would: it may be large, or nobody else's business
TOO_COSTLY = "Too large or too deeply nested to be checked against this command's schema in a bounded time."
MORE = "There are more faults than are listed here."
SENTENCES = {
    "falseSchema": "Nothing may stand here.",
    "no properties": "No properties are allowed here, or no others than are named.",
    "not": "The value has a form that is ruled out here.",
    "contains": "None of the items fits the schema under 'contains'.",
}


class Validator(Protocol):
    def is_valid(self, instance: Any) -> bool: ...

    def validate(self, instance: Any) -> None: ...

    def iter_errors(self, instance: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Check:
    """An accepted schema, ready for use, and what using it may cost."""

    validator: Validator
    price: Price


def faults(check: Check, value: Any, at: str, size: int | None = None) -> list[Fault]:
    """Everything wrong with a value that stands at this JSON pointer of the request, up to 100 faults.

    Of a value so large that listing might take seconds, the first fault alone is told. `size` is the length of the
    value as JSON, in bytes, where it is known.
    """
    if not check.price.allows(value, len(orjson.dumps(value)) if size is None else size):
        return [Fault(TOO_COSTLY, pointer=at)]
    if check.validator.is_valid(value):
        return []
    if not check.price.allows_faults(value):
        return [*_first(check.validator, value, at), Fault(MORE, pointer=at)]
    errors = [meant for error in check.validator.iter_errors(value) for meant in _meant(error)]
    found = list(dict.fromkeys(_fault(error, at) for error in errors))
    return found if len(found) <= MAX_FAULTS else [*found[: MAX_FAULTS - 1], Fault(MORE, pointer=at)]


def _first(validator: Validator, value: Any, at: str) -> list[Fault]:
    try:
        validator.validate(value)
    except ValueError as error:
        return [_fault(error, at)]
    return []


def _meant(error: Any) -> list[Any]:
    """The faults by the one alternative that has the right type, if there is one: of "null or an object" the object."""
    alternatives = getattr(error.kind, "context", [])
    likely = [one for one in alternatives if not any(_is_of_type(error, inner) for inner in one)]
    if len(likely) != 1 or not all(alternatives):
        return [error]
    return [meant for inner in likely[0] for meant in _meant(inner)]


def _is_of_type(outer: Any, inner: Any) -> bool:
    return bool(inner.kind.name == "type" and inner.instance_path == outer.instance_path)


def _fault(error: Any, at: str) -> Fault:
    path = "".join(f"/{json.escape(str(token))}" for token in error.instance_path)
    return Fault(sentence(error), pointer=f"{at}{path}")


def sentence(error: Any) -> str:
    """What is wrong, in a sentence of bounded length."""
    name = error.kind.name
    if name == "falseSchema" and error.schema_path[-1:] == ["additionalProperties"]:
        name = "no properties"  # told of the object, and not of the property as in other cases
    text = SENTENCES.get(name) or str(error.message)
    return text if len(text) <= MAX_SENTENCE else f"{text[:MAX_SENTENCE]}…"
