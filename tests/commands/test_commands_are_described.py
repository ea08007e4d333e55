"""Registered commands in /openapi.json: valid whatever they are called and however their schemas refer."""

import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from flask import Flask
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from support.caller import Caller
from support.commands import URL, WIDTH
from support.shared_app import emptied

Described = Callable[[], dict[str, Any]]

NASTY_NAMES = [
    "a b",
    "a_b",
    "a+b",
    "{name}",
    "ü/".strip("/"),
    "ü",
    "$ref",
    "..a",
    "a?b#c",
    "a%20b",
    "TaskOut",
    "x" * 100,
]
SCHEMAS: dict[str, Any] = {
    "defs": {
        "$defs": {"size": {"type": "integer", "examples": [3]}, "a/b": {"$ref": "#/$defs/size"}},
        "properties": {"width": {"$ref": "#/$defs/size"}, "height": {"$ref": "#/$defs/a~1b"}},
        "required": ["width"],
    },
    "recursive": {"type": "object", "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}},
    "by-property": {"properties": {"a": {"type": "string"}, "b": {"$ref": "#/properties/a"}}},
    "yes": True,
    "no": False,
    "booleans": {"properties": {"a": True, "b": False}, "items": False},
    "root-id": {"$id": "https://example.com/a", "$schema": "https://json-schema.org/draft/2020-12/schema"},
    "others-words": {"discriminator": "kind", "xml": 3, "externalDocs": [], "example": 1, "nullable": "x"},
    "properties-called-so": {"properties": {"$ref": {"type": "string"}, "$id": {"$ref": "#/properties/$ref"}}},
    "huge": {"type": "string", "minLength": 10**18},
    "wide": {"type": "object", "properties": {f"p{i}": {"$ref": "#"} for i in range(99)}, "required": ["p1", "p2"]},
    "enumerated": {"enum": [{"$ref": "#/nowhere"}], "const": {"$ref": "#/nowhere"}},
    "conditional": {"if": {"required": ["a"]}, "then": {"$ref": "#/$defs/x"}, "$defs": {"x": {"required": ["b"]}}},
}
NOT_MOVABLE: dict[str, Any] = {
    "anchor": {"$defs": {"a": {"$anchor": "b"}}, "$ref": "#b"},
    "dynamic": {"$dynamicAnchor": "n", "items": {"$dynamicRef": "#n"}},
    "inner-id": {"$defs": {"a": {"$id": "b.json", "$ref": "#/$defs/c", "$defs": {"c": {}}}}, "$ref": "b.json"},
    "odd-place": {"x-parts": {"a": {"type": "integer"}}, "$ref": "#/x-parts/a"},
}


@pytest.fixture(scope="module")
def plain(opened_app: Flask) -> dict[str, Any]:
    """The description as it is without commands. It is valid: what stands in it need not be looked at again."""
    spec: dict[str, Any] = emptied(opened_app).test_client().get("/openapi.json").json
    assert faults_of(spec) == []
    return spec


@pytest.fixture
def described(mia: Caller, plain: dict[str, Any]) -> Described:
    """The description as it is now. It is valid."""

    def get() -> dict[str, Any]:
        spec: dict[str, Any] = mia.get("/openapi.json").json
        assert faults_of(what_differs(spec, plain)) == []
        ids = ids_of(spec)
        assert len(set(ids)) == len(ids)
        return spec

    return get


def faults_of(spec: dict[str, Any]) -> list[str]:
    return [str(error) for error in OpenAPIV31SpecValidator(spec).iter_errors()]


def what_differs(spec: dict[str, Any], plain: dict[str, Any]) -> dict[str, Any]:
    """The parts of a description that are not so in the other, and all that they refer to."""
    schemas, known = spec["components"]["schemas"], plain["components"]["schemas"]
    paths = {path: one for path, one in spec["paths"].items() if plain["paths"].get(path) != one}
    part = {**spec, "paths": paths, "components": {**spec["components"], "schemas": {}}}
    left = {name for name, one in schemas.items() if known.get(name) != one} | referred_to(part)
    while left:
        name = left.pop()
        if name in schemas and name not in part["components"]["schemas"]:
            part["components"]["schemas"][name] = schemas[name]
            left |= referred_to(schemas[name])
    return part


def referred_to(part: Any) -> set[str]:
    """The names of schemas."""
    return {name.decode() for name in re.findall(rb'"#/components/schemas/([^"/]+)', orjson.dumps(part))}


def ids_of(spec: dict[str, Any]) -> list[str]:
    return [one["operationId"] for path in spec["paths"].values() for one in path.values() if "operationId" in one]


def payload_of(spec: dict[str, Any], name: str) -> dict[str, Any]:
    media: dict[str, Any] = operation_of(spec, name)["requestBody"]["content"]["application/json"]
    return media


def operation_of(spec: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = spec["paths"][f"/v1/commands/{name}/tasks"]["post"]
    return found


def fits(spec: dict[str, Any], name: str, payload: Any) -> bool:
    schema = {**payload_of(spec, name)["schema"], "components": spec["components"]}
    return bool(OAS31Validator(schema).is_valid({"payload": payload}))


def test_a_command_has_a_path_of_its_own_that_tells_its_schemas(resize: dict[str, Any], described: Described) -> None:
    spec = described()
    operation = operation_of(spec, "resize")
    assert operation["description"] == "Resizes."
    assert operation["operationId"] == "submit.resize"
    assert operation["security"] == [{"key": []}, {"password": ["write"]}]
    assert spec["components"]["schemas"]["Payload.resize"] == {"description": "The payload of resize.", **WIDTH}
    assert spec["components"]["schemas"]["Result.resize"] == {"description": "The result of resize.", **URL}
    assert payload_of(spec, "resize")["example"] == {"payload": {"width": 1}}
    assert payload_of(spec, "resize")["schema"]["required"] == ["payload"]
    assert fits(spec, "resize", {"width": 3})
    assert not fits(spec, "resize", {"width": 0})


def test_it_changes_with_the_catalogue(mia: Caller, resize: dict[str, Any], described: Described) -> None:
    described()
    mia.put("/v1/commands/resize", {"payload_schema": {"type": "string"}})
    assert fits(described(), "resize", "wide")
    mia.delete("/v1/commands/resize")
    assert "/v1/commands/resize/tasks" not in described()["paths"]


def test_what_the_description_says_can_be_sent(mia: Caller, alice: Caller, described: Described) -> None:
    for name, schema in SCHEMAS.items():
        mia.put(f"/v1/commands/{name}", {"payload_schema": schema})
    spec = described()
    shown = {name: payload_of(spec, name) for name in SCHEMAS}
    assert {name for name, media in shown.items() if "example" not in media} == {"no", "huge", "wide"}
    for name, media in shown.items():
        if "example" in media:
            assert alice.post(f"/v1/commands/{name}/tasks", media["example"]).status_code == 201, name


def test_any_name_makes_a_valid_description(mia: Caller, described: Described) -> None:
    paths = set()
    for name in NASTY_NAMES:
        path = f"/v1/commands/{''.join(f'%{byte:02X}' for byte in name.encode())}"
        put = mia.put(path, {"payload_schema": {"const": name}, "result_schema": {"const": name}, "description": name})
        assert put.status_code in {200, 201}
        paths.add(put.json["name"])
    spec = described()
    own = [path for path in spec["paths"] if path.endswith("/tasks") and path.startswith("/v1/commands/")]
    assert len(own) == len(paths) + 1
    constants = [schema["const"] for name, schema in spec["components"]["schemas"].items() if "const" in schema]
    assert sorted(constants) == sorted([*paths, *paths])


@pytest.mark.parametrize("name", [name for name in SCHEMAS if name not in {"no", "enumerated"}])
def test_a_schema_means_the_same_in_the_description(
    mia: Caller, alice: Caller, name: str, described: Described
) -> None:
    mia.put(f"/v1/commands/{name}", {"payload_schema": SCHEMAS[name]})
    spec = described()
    for payload in (
        {"width": 3, "height": 4},
        {"width": "x"},
        {"width": 3, "height": "x"},
        {"left": {"right": {"left": 1}}},
        {"left": {"right": {"left": {}}}},
        {"a": "x", "b": "y"},
        {"a": "x", "b": 3},
        {"$ref": 1},
        {"$id": 1},
        [1],
        "text",
        {},
    ):
        accepted = alice.post("/v1/tasks", {"command": name, "payload": payload}).status_code == 201
        assert fits(spec, name, payload) == accepted, payload


@pytest.mark.parametrize("name", NOT_MOVABLE)
def test_what_cannot_be_moved_is_left_open_and_says_where_it_is(mia: Caller, name: str, described: Described) -> None:
    mia.put(f"/v1/commands/{name}", {"payload_schema": NOT_MOVABLE[name]})
    shown = described()["components"]["schemas"][f"Payload.{name}"]
    assert set(shown) == {"description"}
    assert f"GET /v1/commands/{name} has it" in shown["description"]


def test_too_much_is_left_open(mia: Caller, described: Described) -> None:
    for number in range(35):
        mia.put(f"/v1/commands/c{number:02}", {"payload_schema": {"const": "x" * 65_000}})
    schemas = described()["components"]["schemas"]
    assert "const" in schemas["Payload.c00"]
    assert "more schemas than can be shown" in schemas["Payload.c34"]["description"]
