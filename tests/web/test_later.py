"""Answers that come later: requests that go on after a rest, made without what Flask makes for them."""

import json
from collections.abc import Callable

import flask
import pytest
from flask import Response
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from taskyard.core.errors import Conflict
from taskyard.web import answers, later, problems
from taskyard.web.edge import Edge
from taskyard.web.later import Steps

Make = Callable[[list[str]], Steps[str]]


def two_rests(told: list[str]) -> Steps[str]:
    for n in "12":
        told.append(f"step {n}")
        yield lambda n=n: told.append(f"rest {n}, in a context: {flask.has_app_context()}")
    return flask.request.path


def refuses(told: list[str]) -> Steps[str]:
    yield lambda: told.append("rest")
    raise Conflict("It has ended meanwhile.")


def breaks(told: list[str]) -> Steps[str]:
    def rest() -> None:
        raise KeyboardInterrupt

    try:
        yield rest
    finally:
        told.append("closed")
    return "never"


def client(make: Make, told: list[str]) -> FlaskClient:
    app = flask.Flask(__name__)
    problems.register(app)
    later.register(app)

    @app.post("/wait")
    def wait() -> Response:
        told.append(flask.request.get_data(as_text=True))
        return later.answer(make(told), answers.json)

    app.wsgi_app = Edge(app.wsgi_app, access_log=True).answer  # type: ignore[method-assign]
    return app.test_client()


def test_the_view_is_called_once_and_rests_have_no_context() -> None:
    told: list[str] = []
    answer = client(two_rests, told).post("/wait", data="body")
    assert answer.json == "/wait"
    assert told == [
        "body",
        "step 1",
        "rest 1, in a context: False",
        "step 2",
        "rest 2, in a context: False",
    ]


def test_it_keeps_its_id_and_is_logged_once() -> None:
    with capture_logs() as lines:
        answer = client(two_rests, []).post("/wait", headers={"X-Request-ID": "mine"})
    assert answer.headers["X-Request-ID"] == "mine"
    assert [line["path"] for line in lines] == ["/wait"]


def test_what_is_refused_after_a_rest_is_a_problem() -> None:
    answer = client(refuses, []).post("/wait", headers={"X-Request-ID": "mine"})
    assert answer.status_code == 409
    assert json.loads(answer.data)["instance"].endswith("mine")


def test_whoever_is_ended_while_it_rests_ends_its_steps() -> None:
    told: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        client(breaks, told).post("/wait")
    assert told[-1] == "closed"
