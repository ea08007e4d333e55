"""Taskyard with one route more, for the benchmark alone: it waits 50 ms for something else, as a gevent worker does."""

import time

from flask import Blueprint, Response

from taskyard.app import create_app
from taskyard.web import answers
from taskyard.web.auth import public

blp = Blueprint("io", __name__)


@blp.get("/io")
@public
def wait() -> Response:
    """Wait 50 ms for something else"""
    time.sleep(0.05)
    return answers.json({"status": "ok"})


app = create_app()
app.register_blueprint(blp)
