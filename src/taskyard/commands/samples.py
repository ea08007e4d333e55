"""A value that fits a schema, for the documentation: what the schema itself names first, else put together."""

from typing import Any

NOTHING = object()
DEPTH = 8
BY_FORMAT = {
    "date-time": "2026-11-03T09:30:00Z",
    "date": "2026-11-03",
    "time": "09:30:00Z",
    "duration": "PT1H",
    "uuid": "019a8d4f-5b20-7c43-a1f6-0d9c8e7b6a54",
    "email": "ada@example.com",
    "uri": "https://example.com/a",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
}


def sample(schema: Any) -> Any:
    """A value that may fit: whoever shows it checks it first."""
    return _Sampler(schema).of(schema, DEPTH)


class _Sampler:
    def __init__(self, root: Any) -> None:
        self._root = root
        self._left = 200  # values; a schema may hold itself in many ways

    def of(self, schema: Any, depth: int) -> Any:
        self._left -= 1
        if not isinstance(schema, dict) or depth < 0 or self._left < 0:
            return None
        given = _given(schema)
        if given is not NOTHING:
            return given
        if "$ref" in schema:
            return self.of(self._target(schema["$ref"]), depth - 1)
        for keyword in ("oneOf", "anyOf"):
            if keyword in schema and "type" not in schema:
                return self.of(schema[keyword][0], depth - 1)
        return self._by_type(schema, depth)

    def _target(self, reference: str) -> Any:
        value = self._root
        for token in reference.split("/")[1:]:
            token = token.replace("~1", "/").replace("~0", "~")
            value = value.get(token) if isinstance(value, dict) else None
        return value

    def _by_type(self, schema: dict[str, Any], depth: int) -> Any:
        kind = schema.get("type", "object" if "properties" in schema else None)
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object" or (kind is None and "allOf" in schema):
            return self._object(schema, depth)
        if kind == "array":
            few = range(min(int(schema.get("minItems", 1)), 3))
            return [self.of(schema.get("items"), depth - 1) for _ in few]
        return _scalar(kind, schema)

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for part in schema.get("allOf", []):
            inner = self.of(part, depth - 1)
            found |= inner if isinstance(inner, dict) else {}
        required = schema.get("required", [])
        for name, inner in schema.get("properties", {}).items():
            if name in required or (isinstance(inner, dict) and _given(inner) is not NOTHING):
                found[name] = self.of(inner, depth - 1)
        return found


def _given(schema: dict[str, Any]) -> Any:
    for keyword in ("examples", "enum"):
        if isinstance(schema.get(keyword), list) and schema[keyword]:
            return schema[keyword][0]
    return next((schema[keyword] for keyword in ("const", "default", "example") if keyword in schema), NOTHING)


def _scalar(kind: str | None, schema: dict[str, Any]) -> Any:
    if kind == "string":
        text = BY_FORMAT.get(schema.get("format", ""), "text")
        return text.ljust(min(int(schema.get("minLength", 0)), 100), "x")
    if kind in {"integer", "number"}:
        return schema.get("minimum", min(1, schema.get("maximum", 1)))
    return True if kind == "boolean" else None
