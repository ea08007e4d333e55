"""Logging in, as a form."""

from typing import Any

from werkzeug.test import TestResponse

from support.caller import Caller

PASSWORD = "correct horse battery staple"


def log_in(caller: Caller, username: str = "alice", password: str = PASSWORD, **more: Any) -> TestResponse:
    return caller.post("/v1/auth/token", data={"grant_type": "password", **_form(username, password), **more})


def refresh(caller: Caller, refresh_token: str, **more: Any) -> TestResponse:
    return caller.post("/v1/auth/token", data={"grant_type": "refresh_token", "refresh_token": refresh_token, **more})


def _form(username: str, password: str) -> dict[str, str]:
    return {"username": username, "password": password}
