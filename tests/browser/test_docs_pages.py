"""/docs and /redoc, seen and used in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from support.logins import PASSWORD
from support.people import ADA, ALICE

pytestmark = pytest.mark.browser


def authorize(page: Page, key: str) -> None:
    page.get_by_role("button", name="Authorize").first.click()
    box = page.locator(".auth-container", has_text="bearer")
    box.locator("input").fill(key)
    box.get_by_role("button", name="Apply credentials").click()
    box.locator(".btn-done").click()


def try_out(page: Page, operation_id: str, status: str, body: str) -> None:
    """Execute an operation with what its form holds, and wait for this answer."""
    operation = page.locator(f"#operations-{operation_id}")
    operation.locator(".opblock-summary").click()
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table")
    expect(answer.locator(".response-col_status").last).to_contain_text(status)
    expect(answer.locator(".response-col_description").last).to_contain_text(body)


def test_swagger_ui_shows_the_operations(page: Page, url: str) -> None:
    page.goto(f"{url}/docs")
    expect(page.locator("#operations-tasks-getTasks")).to_be_visible()
    expect(page.locator("#operations-leases-postLeases")).to_be_visible()
    expect(page.locator(".info .title")).to_contain_text("Taskyard")


def test_an_operation_is_tried_out_with_a_name_and_a_password(page: Page, url: str) -> None:
    sent = {"name": "Dora", "email": "dora@example.com", "password": PASSWORD}
    made = page.request.post(f"{url}/v1/users", data=sent, headers={"Authorization": f"Bearer {ADA.key}"})
    assert made.status == 201
    page.goto(f"{url}/docs")
    page.get_by_role("button", name="Authorize").first.click()
    box = page.locator(".auth-container", has_text="OAuth2")
    box.locator("#oauth_username").fill("dora@example.com")
    box.locator("#oauth_password").fill(PASSWORD)
    box.locator("label[for^='read-']").click()
    box.get_by_role("button", name="Apply given OAuth2 credentials").click()
    expect(box.get_by_role("button", name="Remove authorization")).to_be_visible()
    box.locator(".btn-done").click()
    try_out(page, "profile-getProfile", "200", "Dora")


def test_with_a_key_a_task_is_submitted_by_the_example_as_it_stands_and_listed(page: Page, url: str) -> None:
    page.goto(f"{url}/docs")
    authorize(page, ALICE.key)
    try_out(page, "tasks-postTasks", "201", '"status": "queued"')
    try_out(page, "tasks-getTasks", "200", '"tasks"')


def test_redoc_shows_the_operations(page: Page, url: str) -> None:
    page.goto(f"{url}/redoc")
    expect(page.get_by_role("heading", name="List tasks")).to_be_visible()
    expect(page.get_by_role("heading", name="Claim tasks")).to_be_visible()
