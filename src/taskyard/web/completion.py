"""What every operation of the description gets, wherever it came from: examples, the request's id, ordered answers."""

from collections.abc import Iterator
from typing import Any

from taskyard.web.examples import Examples

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
REQUEST_ID = {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}


def complete(spec: dict[str, Any]) -> None:
    """Fill in what an operation leaves out; what it says itself stays."""
    examples = Examples(spec)
    for path in spec["paths"].values():
        _describe_parameters(path.get("parameters", []))
        for operation in _operations(path):
            operation["responses"] = dict(sorted(operation["responses"].items()))
            for response in operation["responses"].values():
                _complete_response(response, examples)
            if "requestBody" in operation:
                _complete_request(operation["requestBody"], examples)
    for response in spec["components"].get("responses", {}).values():
        _complete_response(response, examples)


def _operations(path: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (operation for method, operation in path.items() if method in METHODS)


def _complete_response(response: dict[str, Any], examples: Examples) -> None:
    if "$ref" in response:
        return
    response["headers"] = {**response.get("headers", {}), **REQUEST_ID}
    for media in response.get("content", {}).values():
        if "example" not in media and "examples" not in media:
            media["example"] = examples.answered(media.get("schema"))


def _complete_request(body: dict[str, Any], examples: Examples) -> None:
    """Where no property is required, no body is the same as an empty object."""
    schemas = [examples.resolved(media.get("schema")) for media in body["content"].values()]
    body["required"] = any(schema.get("required") or schema.get("type") != "object" for schema in schemas)
    for media in body["content"].values():
        if "example" not in media and "examples" not in media:
            media["example"] = examples.sent(media.get("schema"))


def _describe_parameters(parameters: list[dict[str, Any]]) -> None:
    for parameter in parameters:
        name = parameter["name"].replace("_", " ")
        what = f"The id of the {name.removesuffix(' id')}." if name.endswith(" id") else f"The {name}."
        parameter.setdefault("description", what)
