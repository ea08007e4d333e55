"""Corrections to what apispec makes of a marshmallow field: patterns, blank texts, exclusive bounds, enumerations."""

from collections.abc import Iterable, Iterator
from typing import Any

from marshmallow import fields, validate

from taskyard.web.fields import NotBlank


def corrected(_converter: Any, field: fields.Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
    """What has to be set on the property of a field; apispec's add_attribute_function takes this."""
    found: dict[str, Any] = {}
    for validator in _single(field.validators):
        if isinstance(validator, validate.Regexp):
            found["pattern"] = ecma(str(validator.regex.pattern))
        elif isinstance(validator, NotBlank):
            found.setdefault("pattern", r"\S")
            found.setdefault("minLength", 1)
        elif isinstance(validator, validate.Length):
            found |= _lengths(validator, ret)
        elif isinstance(validator, validate.Range):
            found |= _exclusive(validator, ret)
    if isinstance(field, fields.Enum) and "type" not in ret and all(isinstance(v, str) for v in ret["enum"]):
        found["type"] = "string"
    return found


def ecma(pattern: str) -> str:
    r"""A Python regex that is matched from the start, as JSON Schema wants it: unanchored, and without \Z."""
    body = pattern.removeprefix("^")
    ending = "$" if body.endswith((r"\Z", "$")) else ""
    body = body.removesuffix(r"\Z").removesuffix("$")
    return f"^(?:{body}){ending}" if "|" in body else f"^{body}{ending}"


def _single(validators: Iterable[Any]) -> Iterator[Any]:
    """The validators, with what `And` holds instead of it: apispec does not look inside."""
    for validator in validators:
        if isinstance(validator, validate.And):
            yield from _single(validator.validators)
        else:
            yield validator


def _lengths(validator: validate.Length, ret: dict[str, Any]) -> dict[str, int]:
    what = "Items" if ret.get("type") == "array" else "Length"
    least = validator.equal if validator.equal is not None else validator.min
    most = validator.equal if validator.equal is not None else validator.max
    return {f"{bound}{what}": n for bound, n in (("min", least), ("max", most)) if n is not None}


def _exclusive(validator: validate.Range, ret: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for inclusive, bound, value in (
        (validator.min_inclusive, "Minimum", validator.min),
        (validator.max_inclusive, "Maximum", validator.max),
    ):
        if not inclusive and value is not None:
            ret.pop(bound.lower(), None)
            found[f"exclusive{bound}"] = value
    return found
