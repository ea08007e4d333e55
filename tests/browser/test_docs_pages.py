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


def test_swagger_ui_shows_the_operations(page: Page, url: str) -> None:
    page.goto(f"{url}/docs")
    expect(page.locator("#operations-tasks-getTasks")).to_be_visible()
    expect(page.locator("#operations-leases-postLeases")).to_be_visible()
    expect(page.locator(".info .title")).to_contain_text("Taskyard")


def test_an_operation_is_tried_out_with_a_key(page: Page, url: str) -> None:
    page.goto(f"{url}/docs")
    authorize(page, ALICE.key)
    operation = page.locator("#operations-tasks-getTasks")
    operation.locator(".opblock-summary").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    expect(operation.locator(".live-responses-table .response-col_description").last).to_contain_text('"tasks"')


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
    operation = page.locator("#operations-profile-getProfile")
    operation.locator(".opblock-summary").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    expect(operation.locator(".live-responses-table .response-col_description").last).to_contain_text("Dora")


def test_a_task_is_submitted_with_the_example_as_it_stands(page: Page, url: str) -> None:
    page.goto(f"{url}/docs")
    authorize(page, ALICE.key)
    operation = page.locator("#operations-tasks-postTasks")
    operation.locator(".opblock-summary").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table .response-col_status").last).to_contain_text("201")


def test_redoc_shows_the_operations(page: Page, url: str) -> None:
    page.goto(f"{url}/redoc")
    expect(page.get_by_role("heading", name="List tasks")).to_be_visible()
    expect(page.get_by_role("heading", name="Claim tasks")).to_be_visible()
