"""The keywords of JSON Schema 2020-12 that hold further schemas, by where those look: the same value or one inside."""

from collections.abc import Iterator
from typing import Any

SAME_VALUE = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"})
INSIDE = frozenset(
    {
        "properties",
        "patternProperties",
        "additionalProperties",
        "unevaluatedProperties",
        "propertyNames",
        "items",
        "prefixItems",
        "contains",
        "unevaluatedItems",
    }
)
ELSEWHERE = frozenset({"$defs", "definitions", "contentSchema"})  # not looked at unless something refers there
LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
MAPS = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
ALL = SAME_VALUE | INSIDE | ELSEWHERE


def within(schema: dict[str, Any], keyword: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The schemas directly under a keyword, with their path from here."""
    value = schema.get(keyword)
    if keyword in LISTS:
        yield from (((keyword, str(index)), one) for index, one in enumerate(value if isinstance(value, list) else ()))
    elif keyword in MAPS:
        yield from (((keyword, name), one) for name, one in (value.items() if isinstance(value, dict) else ()))
    elif keyword in schema:
        yield (keyword,), value


def all_within(schema: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every schema directly inside this one, in their order."""
    for keyword in schema:
        if keyword in ALL:
            yield from within(schema, keyword)
