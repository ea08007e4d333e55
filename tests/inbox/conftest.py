"""Tests of the inbox share an app per file and database."""

import pytest
from flask import Flask

from support.caller import Caller
from support.github import Hook
from support.shared_app import emptied


@pytest.fixture
def app(opened_app: Flask) -> Flask:
    return emptied(opened_app)


@pytest.fixture
def hook(app: Flask, nobody: Caller) -> Hook:
    """GitHub, as it sends to the source `github`."""
    return Hook(nobody)
