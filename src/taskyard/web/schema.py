"""The base of all marshmallow schemas, how it loads what nothing is wrong with, and what errors look like."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import marshmallow as ma
from marshmallow import fields, validate
from marshmallow.decorators import POST_LOAD, PRE_LOAD, VALIDATES, VALIDATES_SCHEMA

from taskyard.web.fields import Text

MOST_UNKNOWN = 20  # fields that are told one by one


class Schema(ma.Schema):
    """Fields that nobody knows are refused; very many of them at once, as telling each takes seconds."""

    class Meta:
        unknown = ma.RAISE
        ordered = True

    def load(self, data: Any, *, unknown: Any = None, **kwargs: Any) -> Any:
        several, partial = kwargs.get("many") or self.many, kwargs.get("partial") or self.partial
        if type(data) is dict and not several and not partial and self._plan is not None:
            try:
                return self._plan.load(data)
            except (ma.ValidationError, KeyError):
                pass  # marshmallow itself tells everything that is wrong
        refused = (unknown or self.unknown) == ma.RAISE
        if refused and isinstance(data, Mapping) and len(data) > len(self.load_fields) + MOST_UNKNOWN:
            raise ma.ValidationError(f"Has {len(data):,} fields; at most {len(self.load_fields)} are known here.")
        return super().load(data, unknown=unknown, **kwargs)

    @cached_property
    def _plan(self) -> "_Plan | None":
        rules = self._hooks[VALIDATES_SCHEMA]
        others = any(self._hooks[kind] for kind in (PRE_LOAD, POST_LOAD, VALIDATES))
        if others or any(many or how.get("pass_original") for _, many, how in rules):
            return None  # marshmallow's own work
        known = {one.data_key or name: _known(one.attribute or name, one) for name, one in self.load_fields.items()}
        required = [name for name, one in known.items() if one.field.required]
        defaults = [
            (one.attribute, one.field.load_default)
            for one in known.values()
            if one.field.load_default is not ma.missing
        ]
        return _Plan(known, required, defaults, [getattr(self, name) for name, *_ in rules])


class _Known(NamedTuple):
    attribute: str
    field: fields.Field[Any]
    plain: type | None  # what is of just this type is taken as it is, once it passes the field's validators


def _known(attribute: str, field: fields.Field[Any]) -> _Known:
    return _Known(attribute, field, str if _is_text(field) else None)


def _is_text(field: fields.Field[Any]) -> bool:
    """Whether it takes a str as it is, once that passes the field's validators."""
    return type(field) in (fields.String, Text) and not (field.pre_load or field.post_load)


class _Plan(NamedTuple):
    """How a schema loads what nothing is wrong with: marshmallow asks each field it knows, also those not sent."""

    known: dict[str, _Known]  # by the names they are sent by
    required: list[str]
    defaults: list[tuple[str, Any]]  # what stands for those not sent
    rules: list[Callable[[dict[str, Any]], None]]  # about the whole of it

    def load(self, data: dict[str, Any]) -> dict[str, Any]:
        """Raises:
        ValidationError, KeyError: something is wrong with it.
        """
        known, required, defaults, rules = self
        for name in required:
            data[name]
        loaded = {name: make() if callable(make) else make for name, make in defaults}
        for name, value in data.items():
            attribute, field, plain = known[name]
            if type(value) is plain:
                for validator in field.validators:
                    validator(value)
                loaded[attribute] = value
            else:
                loaded[attribute] = field.deserialize(value, name, data)
        for rule in rules:
            rule(loaded)
        return loaded


class Items(fields.List[Any]):
    """A list in a body. One that is too long is refused by its length: looking at each item would take seconds."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, list):
            for validator in self.validators:
                if isinstance(validator, validate.Length):
                    validator(value)
            try:
                loaded = self._at_once(value, partial=kwargs.get("partial"))
            except ma.ValidationError:
                loaded = None  # marshmallow itself tells which ones, and all that is wrong with each
            if loaded is not None:
                return loaded
        return super()._deserialize(value, attr, data, **kwargs)

    def _at_once(self, value: list[Any], *, partial: Any) -> list[Any] | None:
        """The items in fewer steps than marshmallow takes; None: they need those.

        Raises:
            ValidationError: there is something wrong with one of them.
        """
        inner = self.inner
        if type(inner) is fields.Raw and inner.allow_none and not inner.validators:
            return value
        if _is_text(inner) and all(type(one) is str for one in value):
            for validator in inner.validators:
                for one in value:
                    validator(one)
            return value
        if type(inner) is fields.Nested and not (inner.validators or inner.pre_load or inner.post_load or partial):
            return [inner.schema.load(one, unknown=inner.unknown) for one in value]
        return None


class FaultOut(Schema):
    detail = fields.String(required=True, metadata={"description": "What is wrong and what to do."})
    pointer = fields.String(metadata={"description": "JSON pointer into the request's body."})
    parameter = fields.String(metadata={"description": "Name of the path or query parameter."})
    header = fields.String(metadata={"description": "Name of the header."})


class Problem(Schema):
    """An error (RFC 9457)."""

    type = fields.String(required=True, metadata={"example": "urn:taskyard:problem:invalid"})
    title = fields.String(required=True, metadata={"example": "The input is invalid"})
    status = fields.Integer(required=True, metadata={"example": 422})
    detail = fields.String(required=True, metadata={"example": "The request has 1 fault; see errors."})
    instance = fields.String(metadata={"description": "The request's id, as in the logs and in X-Request-ID."})
    errors = fields.List(fields.Nested(FaultOut), metadata={"description": "Every fault found in the input."})
