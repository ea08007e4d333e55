"""Tests of the outbox share an app per file and database."""

import pytest
from flask import Flask

from support.shared_app import emptied


@pytest.fixture
def app(opened_app: Flask) -> Flask:
    return emptied(opened_app)
