"""What each schema within a schema looks at: the same value, or which of those inside it, and what that costs."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from taskyard.commands import keywords, patterns
from taskyard.commands.references import References

OBJECT_OPTION = 20  # comparing with an object or array of an enumeration costs as much as so many plain checks


@dataclass
class Places:
    """Which schemas arrive at the values inside: at one of this name, at all others, at every one."""

    named: dict[Any, list[int]] = field(default_factory=dict)
    otherwise: list[int] = field(default_factory=list)
    everywhere: list[int] = field(default_factory=list)


class Looks:
    """Schemas are known by the identity of their dict."""

    def __init__(self, root: dict[str, Any], references: References) -> None:
        self.root = id(root)
        self.pointers = references.pointers
        self.same_value = {id(one): _same_value(one) + _ids(references.targets(one)) for one in references.schemas}
        self.members = {id(one): _members(one) for one in references.schemas}
        self.items = {id(one): _items(one) for one in references.schemas}
        self.names = {id(one): _under(one, "propertyNames") for one in references.schemas}
        per_value = {id(one): _per_value(one) for one in references.schemas}
        per_byte = {id(one): _per_byte(one) for one in references.schemas}
        per_fault = {id(one): per_value[id(one)] + len(_options(one)) for one in references.schemas}
        self.steps = (per_value, per_byte, per_fault)


def _ids(schemas: list[Any]) -> list[int]:
    return [id(schema) for schema in schemas if isinstance(schema, dict)]


def _same_value(schema: dict[str, Any]) -> list[int]:
    return _under(schema, *keywords.SAME_VALUE)


def _under(schema: dict[str, Any], *wanted: str) -> list[int]:
    return _ids([inner for keyword in wanted for _, inner in keywords.within(schema, keyword)])


def _members(schema: dict[str, Any]) -> Places:
    return Places(
        {name: _ids([inner]) for name, inner in schema.get("properties", {}).items()},
        _under(schema, "additionalProperties"),
        _under(schema, "patternProperties", "unevaluatedProperties"),
    )


def _items(schema: dict[str, Any]) -> Places:
    return Places(
        {index: _ids([inner]) for index, inner in enumerate(schema.get("prefixItems", []))},
        _under(schema, "items"),
        _under(schema, "contains", "unevaluatedItems"),
    )


def _per_value(schema: dict[str, Any]) -> int:
    """Steps for each value that this schema, without those in it, looks at."""
    steps = 1 + len(schema)
    for keyword in ("properties", "required", "dependentSchemas", "dependentRequired", "patternProperties"):
        steps += len(schema.get(keyword, ()))
    steps += sum(len(names) for names in schema.get("dependentRequired", {}).values())
    # Plain options are hashed, others are compared one by one.
    options = [one for one in _options(schema) if isinstance(one, dict | list)]
    return steps + sum(OBJECT_OPTION + len(orjson.dumps(one)) // 8 for one in options)


def _options(schema: dict[str, Any]) -> list[Any]:
    return [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())]


def _per_byte(schema: dict[str, Any]) -> int:
    """Steps for each byte of a value: comparing all items, running regular expressions over strings and names."""
    steps = 1 if schema.get("uniqueItems") else 0
    if isinstance(schema.get("pattern"), str):
        steps += patterns.steps(schema["pattern"])
    twice = 2 if "additionalProperties" in schema else 1  # which has to find out what no pattern fits
    return steps + sum(twice * patterns.steps(one) for one in schema.get("patternProperties", {}))
