"""The description is kept as bytes, made anew only when it has to be; the pages come with all they need."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from support.caller import Caller
from taskyard.config import Config
from taskyard.web.blueprint import Api
from taskyard.web.description import Description


class Additions:
    """What another package adds to the description, at a revision that the test moves on."""

    def __init__(self) -> None:
        self.number = 1
        self.made = 0

    def revision(self) -> int:
        return self.number

    def extend(self, spec: dict[str, Any]) -> dict[str, Any]:
        self.made += 1
        spec["paths"][f"/v1/added/{self.number}"] = {"get": {"responses": {"200": {"description": "OK"}}}}
        return spec


@pytest.fixture
def additions() -> Additions:
    return Additions()


@pytest.fixture
def description(app: Flask, additions: Additions) -> Description:
    api = next(iter(app.extensions["flask-smorest"]["apis"].values()))["ext_obj"]
    assert isinstance(api, Api)
    return Description(api, additions.extend, additions.revision)


def test_the_description_is_made_once_per_revision(description: Description, additions: Additions) -> None:
    first = description.current()
    assert description.current() is first
    assert additions.made == 1
    additions.number = 2
    second = description.current()
    assert second.etag != first.etag
    assert b"/v1/added/2" in second.body
    assert b"/v1/added/1" not in second.body
    assert additions.made == 2


def test_two_processes_give_the_same_description_the_same_etag(
    config: Config, make_app: Callable[[Config], Flask]
) -> None:
    answers = [make_app(config).test_client().get("/openapi.json") for _ in range(2)]
    assert answers[0].headers["ETag"] == answers[1].headers["ETag"]
    assert answers[0].data == answers[1].data


def test_a_description_that_is_known_already_is_a_304(nobody: Caller) -> None:
    first = nobody.get("/openapi.json")
    assert first.status_code == 200
    assert first.headers["Content-Type"] == "application/json"
    again = nobody.get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert again.data == b""
    assert again.headers["ETag"] == first.headers["ETag"]
    assert nobody.get("/openapi.json", headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_a_page_brings_all_its_files_and_no_inline_script(nobody: Caller, path: str) -> None:
    page = nobody.get(path)
    assert page.status_code == 200
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(files) >= 4
    for file in files:
        assert file.startswith("/static/")
        with nobody.get(file) as answer:
            assert answer.status_code == 200
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert re.findall(r"<script(?! src=)", page.text) == []


def test_a_file_of_another_release_is_not_kept(nobody: Caller) -> None:
    with nobody.get("/static/000000000000/docs.js") as answer:
        assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["nothing.js", "../docs.py", "%2e%2e/docs.py", "swagger-ui"])
def test_nothing_but_the_files_is_served(nobody: Caller, name: str) -> None:
    assert nobody.get(f"/static/000000000000/{name}").status_code == 404


def test_the_first_page_leads_to_the_docs(nobody: Caller) -> None:
    assert nobody.get("/").headers["Location"] == "/docs"


def test_the_docs_can_be_turned_off(config: Config, make_app: Callable[[Config], Flask]) -> None:
    client = make_app(replace(config, docs=False)).test_client()
    assert {client.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json", "/")} == {404}
    assert client.get("/healthz").status_code == 200
