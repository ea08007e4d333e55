"""The API's description is valid, and says everything of every operation."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from support.caller import Caller
from support.databases import SqliteFiles
from support.description import template
from support.people import ADA
from taskyard.app import create_app
from taskyard.config import Config
from taskyard.web import auth

RESIZE = {
    "description": "Makes an image smaller.",
    "payload_schema": {
        "type": "object",
        "properties": {"width": {"$ref": "#/$defs/px"}},
        "$defs": {"px": {"minimum": 1}},
    },
    "result_schema": {
        "type": "object",
        "properties": {"url": {"type": "string", "format": "uri"}},
        "required": ["url"],
    },
}
METHODS = {"get", "put", "post", "patch", "delete"}
NOT_DESCRIBED = {"docs.openapi", "docs.swagger", "docs.redoc", "docs.home", "docs.static", "hooks.receive"}


@dataclass(frozen=True)
class Operation:
    path: str
    method: str
    told: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


@pytest.fixture(scope="module")
def app(sqlite_files: SqliteFiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    config = Config(tmp_path_factory.mktemp("instance"), sqlite_files.new(), b"x" * 32, access_log=False)
    app = create_app(config)
    assert Caller(app, ADA).put("/v1/commands/resize", RESIZE).status_code == 201
    yield app
    app.extensions["taskyard.database"].dispose()


@pytest.fixture(scope="module")
def spec(app: Flask) -> dict[str, Any]:
    found: dict[str, Any] = app.test_client().get("/openapi.json").json
    return found


@pytest.fixture(scope="module")
def operations(spec: dict[str, Any]) -> list[Operation]:
    return [
        Operation(path, method, told)
        for path, methods in spec["paths"].items()
        for method, told in methods.items()
        if method in METHODS
    ]


def resolved(spec: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """What a part says, or what it refers to."""
    while "$ref" in part:
        _, _, section, name = part["$ref"].split("/")
        part = spec["components"][section][name]
    return part


def test_the_description_is_valid_openapi_3_1(spec: dict[str, Any]) -> None:
    assert spec["openapi"].startswith("3.1.")
    assert [str(error) for error in OpenAPIV31SpecValidator(spec).iter_errors()] == []


def test_every_route_is_described(app: Flask, operations: list[Operation]) -> None:
    described = {(one.path, one.method.upper()) for one in operations}
    routes = {
        (rule.rule, method)
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in NOT_DESCRIBED
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}
    }
    of_commands = {("/v1/commands/resize/tasks", "POST")}
    assert {(template(path), method) for path, method in routes} == described - of_commands


def test_every_operation_has_an_id_of_its_own(operations: list[Operation]) -> None:
    ids = [one.told.get("operationId") for one in operations]
    assert len(set(ids)) == len(ids)


def test_every_operation_has_a_short_summary_and_a_known_tag(operations: list[Operation], spec: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in spec["tags"] if tag["description"]}
    wanting = [
        str(one)
        for one in operations
        if not 1 <= len(one.told.get("summary", "").split()) <= 6 or not set(one.told["tags"]) <= tags
    ]
    assert wanting == []


def test_every_answer_with_a_body_shows_an_example_that_fits_its_schema(
    operations: list[Operation], spec: dict[str, Any]
) -> None:
    faults = []
    for one in operations:
        answers = [resolved(spec, answer) for answer in one.told["responses"].values()]
        media = [m for answer in answers for m in answer.get("content", {}).values()]
        media += one.told.get("requestBody", {}).get("content", {}).values()
        for shown in media:
            validator = OAS31Validator({**shown["schema"], "components": spec["components"]})
            faults += [f"{one}: {error.json_path} {error.message}" for error in validator.iter_errors(shown["example"])]
    assert faults == []


def test_no_example_is_a_makeshift(operations: list[Operation]) -> None:
    makeshift = [
        f"{one}: {media['schema']}"
        for one in operations
        for told in [*one.told["responses"].values(), one.told.get("requestBody", {})]
        for media in told.get("content", {}).values()
        if '"text"' in json.dumps(media["example"])  # what examples.py makes of a string without one
    ]
    assert makeshift == []


def test_every_operation_names_its_success_and_its_errors(operations: list[Operation], spec: dict[str, Any]) -> None:
    faults = []
    for one in operations:
        answers = one.told["responses"]
        expected = {"500", "503"}
        expected |= {"401", "403"} if one.told["security"] else set()
        expected |= {"413", "415", "422"} if "requestBody" in one.told else set()
        expected |= {"404"} if "{" in one.path else set()
        if not any(status.startswith("2") for status in answers) or not expected <= set(answers):
            faults.append(f"{one}: {sorted(expected - set(answers))}")
        for status, answer in answers.items():
            if status >= "400" and "application/problem+json" not in resolved(spec, answer)["content"]:
                faults.append(f"{one}: {status} is no problem+json")
    assert faults == []


def test_every_answer_names_its_headers(operations: list[Operation], spec: dict[str, Any]) -> None:
    always = {"401": "WWW-Authenticate", "429": "Retry-After", "503": "Retry-After", "201": "Location"}
    faults = []
    for one in operations:
        for status, answer in one.told["responses"].items():
            headers = resolved(spec, answer).get("headers", {})
            wanted = {"X-Request-ID", *([always[status]] if status in always else [])}
            faults += [f"{one}: {status} without {name}" for name in wanted - set(headers)]
    assert faults == []


def test_every_operation_asks_for_the_scope_its_route_asks_for(app: Flask, operations: list[Operation]) -> None:
    scopes = {
        (template(rule.rule), method): wanted
        for (endpoint, method), wanted in auth.required_scopes(app).items()
        for rule in app.url_map.iter_rules(endpoint)
    }
    scopes["/v1/commands/resize/tasks", "POST"] = "write"
    for one in operations:
        wanted = scopes[one.path, one.method.upper()]
        expected = [] if wanted == auth.PUBLIC else [{"key": []}, {"password": [wanted]}]
        assert one.told["security"] == expected, str(one)


def test_every_post_that_creates_takes_an_idempotency_key(operations: list[Operation]) -> None:
    secrets = {
        "/v1/keys",
        "/v1/profile/keys",
        "/v1/auth/token",
        "/v1/endpoints",
    }  # what shows a secret once is not kept
    for one in operations:
        if one.method == "post" and "201" in one.told["responses"] and one.path not in secrets:
            names = [parameter.get("name") for parameter in one.told["parameters"]]
            assert "Idempotency-Key" in names, str(one)


def test_no_header_is_filled_in_before_a_try(operations: list[Operation]) -> None:
    # Swagger UI sends an example of a header as it stands: the second try would be a repeat, or a 412.
    filled = [
        f"{one}: {parameter['name']}"
        for one in operations
        for parameter in one.told.get("parameters", [])
        if parameter["in"] == "header" and {"example", "examples", "default"} & {*parameter, *parameter["schema"]}
    ]
    assert filled == []


def test_every_schema_is_described(spec: dict[str, Any]) -> None:
    silent = [name for name, schema in spec["components"]["schemas"].items() if not schema.get("description")]
    assert silent == []


def test_the_patterns_are_ones_that_browsers_understand(spec: dict[str, Any]) -> None:
    def patterns(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            yield from [part["pattern"]] if isinstance(part.get("pattern"), str) else []
            for inner in part.values():
                yield from patterns(inner)
        elif isinstance(part, list):
            for inner in part:
                yield from patterns(inner)

    assert [p for p in patterns(spec) if r"\Z" in p or r"\A" in p or "(?P" in p] == []
