"""A real Chromium before a real server on 127.0.0.1."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from support.databases import SqliteFiles
from support.sockets import served
from taskyard.app import create_app
from taskyard.config import Config

expect.set_options(timeout=30_000)  # a slow machine is not a fault
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")  # its event loop runs as long as it does, and asyncio allows no other
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("there is no Chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def url(sqlite_files: SqliteFiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a Taskyard with the cast in its database listens."""
    config = Config(
        tmp_path_factory.mktemp("instance"), sqlite_files.new(), b"x" * 32, access_log=False, log_level="WARNING"
    )
    app = create_app(config)
    with served(app) as url:
        yield url
    app.extensions["taskyard.database"].dispose()


class Watch:
    """What a page complained of, and whom it called."""

    def __init__(self, page: Page) -> None:
        self.complaints: list[str] = []
        self.called: set[str | None] = set()
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._requested)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def _requested(self, request: Request) -> None:
        self.called.add(urlsplit(request.url.removeprefix("blob:")).hostname)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of its own for this test: no complaint in its console, no request to any other host."""
    context = browser.new_context(viewport={"width": 1280, "height": 1600})
    page = context.new_page()
    page.set_default_timeout(15_000)
    watch = Watch(page)
    yield page
    context.close()
    assert watch.complaints == []
    assert watch.called == {"127.0.0.1"}
