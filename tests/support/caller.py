"""A person at the API, in one process."""

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from support.people import Person


class Caller:
    """Calls the API as a person (or as nobody)."""

    def __init__(self, app: Flask, person: Person | None = None, token: str | None = None) -> None:
        self.app = app
        self.person = person
        self._http = app.test_client()
        token = token or (person.key if person else None)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def request(self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any) -> TestResponse:
        return self._http.open(path, method=method, headers={**self._headers, **(headers or {})}, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.request("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> TestResponse:
        return self.request("POST", path, **({"json": json} if json is not None else {}), **options)

    def put(self, path: str, json: Any, **options: Any) -> TestResponse:
        return self.request("PUT", path, json=json, **options)

    def patch(self, path: str, json: Any, **options: Any) -> TestResponse:
        return self.request("PATCH", path, json=json, **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        return self.request("DELETE", path, **options)
