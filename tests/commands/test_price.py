"""What checking may cost is known before it is begun: the arithmetic stands beside each schema."""

from itertools import islice
from typing import Any

import pytest

from taskyard.commands import dialect, validation
from taskyard.commands.price import values_by_depth

# Steps for a value of each depth: 1 for each schema that looks, 1 for each keyword in it, 1 for each name it lists.
PER_VALUE: dict[str, tuple[Any, list[int]]] = {
    "true": (True, []),
    "one keyword": ({"type": "string"}, [2]),
    "two members, of which each value is one": (
        {"properties": {"a": {"type": "string"}, "b": {"type": "string", "maxLength": 3}}},
        [1 + 1 + 2, 1 + 2],
    ),
    "one member that two look at": (
        {"allOf": [{"properties": {"a": {}}}, {"properties": {"a": {}}}]},
        [(1 + 1) + 2 * (1 + 1 + 1), 1 + 1],
    ),
    "a list": ({"items": {"type": "string"}}, [2, 2]),
    "names and values": ({"propertyNames": {"maxLength": 3}, "additionalProperties": {}}, [3, 2 + 1]),
    "a list in a list in a list": ({"items": {"items": {"items": {}}}}, [2, 2, 2, 1]),
    "a tree stays the same": (
        {"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}},
        [1 + 1 + 2, 2 + 4, 2 + 4, 2 + 4],
    ),
    "what comes twice doubles": (
        {"items": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}},
        [2, 2 + 2 * (2 + 2), 2 * 10, 4 * 10, 8 * 10],
    ),
    "a tail with its own schema": ({"prefixItems": [{}, {"type": "null"}], "items": {"maxLength": 1}}, [3, 2]),
    "two types that hold each other": (
        {
            "$defs": {
                "e": {"properties": {"body": {"$ref": "#/$defs/s"}, "test": {"$ref": "#/$defs/e"}}},
                "s": {"properties": {"body": {"$ref": "#/$defs/s"}, "test": {"$ref": "#/$defs/e"}}},
            },
            "$ref": "#/$defs/s",
        },
        [(1 + 2) + 4, 2 + 4, 2 + 4],
    ),
}


@pytest.mark.parametrize("case", PER_VALUE)
def test_the_steps_at_each_depth_are_known(case: str) -> None:
    schema, expected = PER_VALUE[case]
    levels = dialect.check(schema, "").price.levels
    assert [level.per_value for level in islice(levels, len(expected))] == expected
    assert len(levels) == len(expected) or "$ref" in str(schema)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"items": {"anyOf": [{"type": "string"}] * 2500}}, [1] * 50_000),
        ({"items": {"enum": [{"a": i} for i in range(3000)]}}, [{"a": 2999}] * 10_000),
        ({"allOf": [{"pattern": f"x{i}.{{9}}y"} for i in range(150)]}, "x" * 250_000),
        ({"pattern": "(x{0,100}){0,20}y$"}, "x" * 200_000),
    ],
)
def test_a_value_that_would_take_seconds_is_not_checked(schema: Any, value: Any) -> None:
    [fault] = validation.faults(dialect.check(schema, ""), value, "/payload")
    assert fault.detail == validation.TOO_COSTLY


def test_a_fault_of_a_large_value_is_told_without_listing_all() -> None:
    check = dialect.check({"items": {"anyOf": [{"type": "string"}] * 30}}, "")
    found = validation.faults(check, [1] * 100_000, "")  # listing them all takes a minute and 5 GB
    assert [fault.pointer for fault in found] == ["/0", ""]


def test_values_are_counted_by_their_depth() -> None:
    assert values_by_depth({"a": [1, [2]], "b": {}}) == [1, 2, 2, 1]
    assert values_by_depth(1) == [1]
