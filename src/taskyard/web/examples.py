"""Examples put together from what a schema says: its own ones first, then defaults, enumerations, formats and types."""

from typing import Any

DEPTH = 12  # a schema may hold itself
NO_EXAMPLE = object()
BY_FORMAT = {
    "date-time": "2026-11-03T09:30:00.000000Z",
    "date": "2026-11-03",
    "time": "09:30:00Z",
    "uuid": "019a8d4f-5b20-7c43-a1f6-0d9c8e7b6a54",
    "email": "ada@example.com",
    "uri": "https://example.com/hook",
    "url": "https://example.com/hook",
}


class Examples:
    """Examples of the schemas of one document; `$ref` is looked up in its components."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self._schemas = spec.get("components", {}).get("schemas", {})

    def answered(self, schema: Any) -> Any:
        """What an answer may look like: every property."""
        return self._of(schema, every=True, depth=0)

    def sent(self, schema: Any) -> Any:
        """What a request may look like: the properties that are required or have an example of their own."""
        return self._of(schema, every=False, depth=0)

    def _of(self, schema: Any, *, every: bool, depth: int) -> Any:
        schema = self.resolved(schema)
        given = _given(schema)
        if given is not NO_EXAMPLE or depth > DEPTH:
            return None if given is NO_EXAMPLE else given
        for keyword in ("oneOf", "anyOf", "allOf"):
            if schema.get(keyword):
                return self._of(schema[keyword][0], every=every, depth=depth + 1)
        kind = _type(schema)
        if kind == "object":
            return self._object(schema, every=every, depth=depth)
        if kind == "array":
            return [self._of(schema["items"], every=every, depth=depth + 1)] if "items" in schema else []
        return _scalar(kind, schema)

    def _object(self, schema: dict[str, Any], *, every: bool, depth: int) -> dict[str, Any]:
        required = schema.get("required", [])
        return {
            name: self._of(inner, every=every, depth=depth + 1)
            for name, inner in schema.get("properties", {}).items()
            if every or name in required or (isinstance(inner, dict) and ("example" in inner or "examples" in inner))
        }

    def resolved(self, schema: Any) -> dict[str, Any]:
        """A schema, or what it refers to."""
        for _ in range(DEPTH):
            if not isinstance(schema, dict):
                return {}  # `true`: anything
            if "$ref" not in schema:
                return schema
            schema = {**self._schemas.get(schema["$ref"].rpartition("/")[2], {}), **_without_ref(schema)}
        return {}


def _without_ref(schema: dict[str, Any]) -> dict[str, Any]:
    return {keyword: value for keyword, value in schema.items() if keyword != "$ref"}


def _given(schema: dict[str, Any]) -> Any:
    """What the schema itself names; null where that is allowed, as it is what a new thing mostly has."""
    if "example" in schema:
        return schema["example"]
    if "const" in schema:
        return schema["const"]
    for keyword in ("examples", "enum"):
        if schema.get(keyword) and not _nullable(schema):
            return schema[keyword][0]
    if "default" in schema:
        return schema["default"]
    return None if _nullable(schema) else NO_EXAMPLE


def _nullable(schema: dict[str, Any]) -> bool:
    kinds = schema.get("type", [])
    return (isinstance(kinds, list) and "null" in kinds) or {"type": "null"} in schema.get("anyOf", [])


def _type(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    return str(kind) if kind else ("object" if "properties" in schema else "null")


def _scalar(kind: str, schema: dict[str, Any]) -> Any:
    if kind == "string":
        text = str(BY_FORMAT.get(schema.get("format", ""), "text"))
        return text.ljust(int(schema.get("minLength", 0)), "x")
    if kind in {"integer", "number"}:
        return schema.get("minimum", 1)
    return True if kind == "boolean" else None
