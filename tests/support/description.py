"""Holds answers against what /openapi.json says of them."""

import re
from typing import Any

import orjson
from flask import Flask
from openapi_schema_validator import OAS31Validator
from werkzeug.test import TestResponse

NOT_TOLD = {"content-type", "content-length", "date", "allow", "cache-control", "server", "connection"}
SECURITY = {"x-content-type-options", "x-frame-options", "referrer-policy", "content-security-policy"}


def template(rule: str) -> str:
    """A werkzeug rule as OpenAPI writes it: <id:task_id> is {task_id}."""
    return re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule)


class Described:
    """The description of one app."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.spec: dict[str, Any] = orjson.loads(app.test_client().get("/openapi.json").data)

    def resolved(self, part: dict[str, Any]) -> dict[str, Any]:
        """What a part says, or what it refers to."""
        while "$ref" in part:
            _, _, section, name = part["$ref"].split("/")
            part = self.spec["components"][section][name]
        return part

    def schema_faults(self, schema: dict[str, Any], value: Any) -> list[str]:
        validator = OAS31Validator(
            {**schema, "components": self.spec["components"]}, format_checker=OAS31Validator.FORMAT_CHECKER
        )
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]

    def faults(self, method: str, path: str, answer: TestResponse) -> list[str]:
        """In what an answer departs from its description: status, media type, body, headers."""
        rule, _ = self.app.url_map.bind("localhost").match(path, method=method, return_rule=True)
        answers = self.spec["paths"][template(rule.rule)][method.lower()]["responses"]
        if str(answer.status_code) not in answers:
            return [f"{answer.status_code} is not told of"]
        told = self.resolved(answers[str(answer.status_code)])
        known = {name.lower() for name in told.get("headers", {})} | NOT_TOLD | SECURITY
        faults = [f"the header {name} is not told of" for name, _ in answer.headers if name.lower() not in known]
        if not answer.data:
            return faults + (["it has no body"] if "content" in told else [])
        if answer.mimetype not in told.get("content", {}):
            return [*faults, f"{answer.mimetype} is not told of"]
        return faults + self.schema_faults(told["content"][answer.mimetype]["schema"], answer.json)
