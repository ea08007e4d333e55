"""docs/ tells of every setting, every kind of error and every status, and of none that is not there."""

import ast
import re

import pytest

from support.source import DOCS, PROJECT, calls, modules
from taskyard.cli import COMMANDS
from taskyard.events.types import ALL as EVENT_TYPES
from taskyard.outbox import tables as outbox
from taskyard.queue.lifecycle import Status
from taskyard.web import kinds

CONFIGURATION = (DOCS / "configuration.md").read_text()
ERRORS = (DOCS / "errors.md").read_text()
LIFECYCLE = (DOCS / "lifecycle.md").read_text()
PAGES = [PROJECT / "README.md", *sorted(DOCS.rglob("*.md"))]
KINDS = {kind.slug: kind.status for kind in [*kinds.KINDS.values(), *kinds.HTTP_KINDS.values(), kinds.INTERNAL]}


def settings() -> set[str]:
    """The variables that the modules of settings read."""
    return {name for module in ("config.py", "listening.py") for name in read_by(modules()[module])}


def read_by(tree: ast.Module) -> set[str]:
    prefixed = {
        id(call)
        for node in ast.walk(tree)
        if isinstance(node, ast.With) and "prefixed" in ast.unparse(node.items[0])
        for _, call in calls(node)
    }
    return {
        ("TASKYARD_" if id(call) in prefixed else "") + call.args[0].value
        for _, call in calls(tree)
        if ast.unparse(call.func).startswith("env.")
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and call.args[0].value != "TASKYARD_"
    }


def first_column(page: str) -> list[str]:
    """What stands in backticks in the first column of the tables of a page."""
    return re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)


def test_every_setting_is_documented() -> None:
    assert sorted(first_column(CONFIGURATION)) == sorted(settings())


def test_every_kind_of_error_is_documented_with_its_status() -> None:
    documented = dict(re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", ERRORS, re.MULTILINE))
    assert documented == {slug: str(status) for slug, status in KINDS.items()}


@pytest.mark.parametrize("status", Status)
def test_every_status_is_documented_in_three_sentences(status: Status) -> None:
    told = re.search(rf"^### {status}\n\n(.+?)\n(?:\n|\Z)", LIFECYCLE, re.MULTILINE | re.DOTALL)
    assert told is not None
    assert len(re.findall(r"\.(?=\s|\Z)", told[1])) == 3, told[1]


def test_every_type_of_event_is_documented() -> None:
    assert first_column((DOCS / "events.md").read_text()) == [one.name for one in EVENT_TYPES]


def test_every_status_of_a_delivery_is_documented() -> None:
    page = (DOCS / "webhooks-out.md").read_text()
    assert {status.value for status in outbox.Status} <= set(first_column(page))


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_documented(name: str) -> None:
    assert any(f"taskyard {name}" in page.read_text() for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page) -> None:  # type: ignore[no-untyped-def]
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target
