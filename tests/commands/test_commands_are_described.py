"""Registered commands in /openapi.json: valid whatever they are called and however their schemas refer."""

from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from support.caller import Caller
from support.commands import URL, WIDTH

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


def described(caller: Caller) -> dict[str, Any]:
    spec: dict[str, Any] = caller.get("/openapi.json").json
    assert [str(error) for error in OpenAPIV31SpecValidator(spec).iter_errors()] == []
    return spec


def payload_of(spec: dict[str, Any], name: str) -> dict[str, Any]:
    media: dict[str, Any] = operation_of(spec, name)["requestBody"]["content"]["application/json"]
    return media


def operation_of(spec: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = spec["paths"][f"/v1/commands/{name}/tasks"]["post"]
    return found


def fits(spec: dict[str, Any], name: str, payload: Any) -> bool:
    schema = {**payload_of(spec, name)["schema"], "components": spec["components"]}
    return bool(OAS31Validator(schema).is_valid({"payload": payload}))


def test_a_command_has_a_path_of_its_own_that_tells_its_schemas(mia: Caller, resize: dict[str, Any]) -> None:
    spec = described(mia)
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


def test_it_changes_with_the_catalogue(mia: Caller, resize: dict[str, Any]) -> None:
    described(mia)
    mia.put("/v1/commands/resize", {"payload_schema": {"type": "string"}})
    assert fits(described(mia), "resize", "wide")
    mia.delete("/v1/commands/resize")
    assert "/v1/commands/resize/tasks" not in described(mia)["paths"]


def test_what_the_description_says_can_be_sent(mia: Caller, alice: Caller) -> None:
    for name, schema in SCHEMAS.items():
        mia.put(f"/v1/commands/{name}", {"payload_schema": schema})
    spec = described(mia)
    shown = {name: payload_of(spec, name) for name in SCHEMAS}
    assert {name for name, media in shown.items() if "example" not in media} == {"no", "huge", "wide"}
    for name, media in shown.items():
        if "example" in media:
            assert alice.post(f"/v1/commands/{name}/tasks", media["example"]).status_code == 201, name


def test_any_name_makes_a_valid_description(mia: Caller) -> None:
    paths = set()
    for name in NASTY_NAMES:
        path = f"/v1/commands/{''.join(f'%{byte:02X}' for byte in name.encode())}"
        put = mia.put(path, {"payload_schema": {"const": name}, "result_schema": {"const": name}, "description": name})
        assert put.status_code in {200, 201}
        paths.add(put.json["name"])
    spec = described(mia)
    own = [path for path in spec["paths"] if path.endswith("/tasks") and path.startswith("/v1/commands/")]
    assert len(own) == len(paths) + 1
    ids = [one["operationId"] for path in spec["paths"].values() for one in path.values() if "operationId" in one]
    assert len(set(ids)) == len(ids)
    constants = [schema["const"] for name, schema in spec["components"]["schemas"].items() if "const" in schema]
    assert sorted(constants) == sorted([*paths, *paths])


@pytest.mark.parametrize("name", [name for name in SCHEMAS if name not in {"no", "enumerated"}])
def test_a_schema_means_the_same_in_the_description(mia: Caller, alice: Caller, name: str) -> None:
    mia.put(f"/v1/commands/{name}", {"payload_schema": SCHEMAS[name]})
    spec = described(mia)
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
def test_what_cannot_be_moved_is_left_open_and_says_where_it_is(mia: Caller, name: str) -> None:
    mia.put(f"/v1/commands/{name}", {"payload_schema": NOT_MOVABLE[name]})
    shown = described(mia)["components"]["schemas"][f"Payload.{name}"]
    assert set(shown) == {"description"}
    assert f"GET /v1/commands/{name} has it" in shown["description"]


def test_too_much_is_left_open(mia: Caller) -> None:
    for number in range(35):
        mia.put(f"/v1/commands/c{number:02}", {"payload_schema": {"const": "x" * 65_000}})
    schemas = described(mia)["components"]["schemas"]
    assert "const" in schemas["Payload.c00"]
    assert "more schemas than can be shown" in schemas["Payload.c34"]["description"]
