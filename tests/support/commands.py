"""Schemas that the tests of commands use."""

from typing import Any

WIDTH: dict[str, Any] = {
    "type": "object",
    "properties": {"width": {"type": "integer", "minimum": 1}},
    "required": ["width"],
}
URL: dict[str, Any] = {"type": "object", "properties": {"url": {"type": "string"}}, "required": ["url"]}
