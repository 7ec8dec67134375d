"""The page as a browser shows it."""

import asyncio
import json
import re
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from stacks.todo.tests.conftest import Start, start_frontend
from stacks.todo.tests.service import Service, free_port

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
pytestmark = pytest.mark.asyncio(loop_scope="module")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt-get install chromium")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One browser for all tests here: it takes a second to start."""
    async with async_playwright() as playwright:
        arguments = [*FLAGS, "--disable-component-update", "--disable-sync"]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, frontend: Service, tasks: httpx2.Client) -> AsyncIterator[Page]:
    """The page as on a phone, with no tasks. An error in its scripts fails the test."""
    wrong: list[str] = []
    page = await browser.new_page(viewport={"width": 390, "height": 844})
    page.on("pageerror", lambda error: wrong.append(str(error)))
    await page.goto(frontend.url)
    yield page
    await page.close()
    assert not wrong


@needs_browser
async def test_a_person_adds_edits_completes_filters_and_deletes(page: Page, tasks: httpx2.Client) -> None:
    await expect(page.get_by_text("Nothing here yet")).to_be_visible()
    for title in ("buy <b>milk</b>", "water plants"):
        await page.get_by_label("New task").fill(title)
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("New task")).to_have_value("")
    rows = page.locator("#tasks li")
    await expect(rows).to_have_count(2)
    assert tasks.get("/tasks/1").json()["title"] == "buy <b>milk</b>"

    await page.get_by_role("checkbox", name="water plants").check()
    await expect(page.get_by_role("button", name="Done 1")).to_be_visible()
    await page.get_by_role("button", name="Edit buy").click()
    await page.get_by_label("New title").fill("buy oat milk")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Open 1").click()
    await expect(rows).to_have_text([re.compile("buy oat milk")])

    await page.get_by_role("button", name="Delete buy oat milk").click()
    await expect(page.get_by_text("Nothing is open. Well done!")).to_be_visible()
    assert [task["done"] for task in tasks.get("/tasks").json()["items"]] == [True]


@needs_browser
async def test_works_with_the_keyboard_alone(page: Page, tasks: httpx2.Client) -> None:
    await expect(page.get_by_text("Nothing here yet")).to_be_visible()
    await page.keyboard.press("n")
    for title in ("one", "two"):
        await page.keyboard.type(title)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("checkbox", name=title)).to_be_visible()
        await expect(page.get_by_label("New task")).to_have_value("")
    await page.get_by_role("checkbox", name="two").focus()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("checkbox", name="one")).to_be_focused()
    await page.keyboard.press("Space")
    await expect(page.get_by_role("button", name="Done 1")).to_be_visible()
    await expect(page.get_by_role("checkbox", name="one")).to_be_focused()
    await page.keyboard.press("e")
    await page.keyboard.type("first")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("checkbox", name="first")).to_be_focused()
    await page.keyboard.press("Delete")
    await expect(page.get_by_role("checkbox", name="two")).to_be_focused()
    assert [task["title"] for task in tasks.get("/tasks").json()["items"]] == ["two"]


@needs_browser
async def test_talks_to_the_agent_and_shows_its_tool_calls_and_the_pods(page: Page) -> None:
    await page.get_by_label("Message to the agent").fill("add buy milk")
    await page.get_by_role("button", name="Send").click()

    await expect(page.get_by_text("Added #1 buy milk.")).to_be_visible()
    await expect(page.get_by_text('add_task(title: "buy milk")')).to_be_visible()
    await expect(page.get_by_role("checkbox", name="buy milk")).to_be_visible()
    for service, pod in (("frontend", "frontend-pod"), ("backend", "backend-pod"), ("agent", "ai-agent-pod")):
        await expect(page.locator(f"#pod-{service}")).to_have_text(pod)


@needs_browser
async def test_follows_the_system_to_dark_and_fits_every_width(page: Page) -> None:
    light = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    await page.emulate_media(color_scheme="dark")
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    for width in (320, 390, 820, 1440):
        await page.set_viewport_size({"width": width, "height": 800})
        assert await page.evaluate("document.documentElement.scrollWidth") == width


@needs_browser
async def test_says_when_the_backend_is_away_and_when_it_is_back(
    page: Page, start: Start, database_url: str, tmp_path: Path
) -> None:
    port = str(free_port())
    backend = start("backend", DATABASE_URL=database_url, PORT=port).ready()
    frontend = await asyncio.to_thread(start_frontend, start, backend.url, backend.url, tmp_path)
    await asyncio.to_thread(frontend.ready)
    (tmp_path / "settings.json").write_text('{"refresh_seconds": 1}')
    await page.goto(frontend.url)
    await expect(page.get_by_role("status")).to_have_text("live")

    backend.told(signal.SIGKILL).exit_code()
    await expect(page.get_by_role("status")).to_have_text("backend not reachable")
    await expect(page.get_by_role("alert")).to_contain_text("keeps trying")

    start("backend", DATABASE_URL=database_url, PORT=port)
    await expect(page.get_by_role("status")).to_have_text("live", timeout=15000)
    await expect(page.get_by_role("alert")).to_be_hidden()

    # The ConfigMap's file changes: the page takes it up without being loaded again.
    (tmp_path / "settings.json").write_text(
        json.dumps({"title": "Chores", "banner": "Back soon", "refresh_seconds": 1})
    )
    await expect(page.get_by_role("heading", name="Chores")).to_be_visible()
    await expect(page.get_by_text("Back soon")).to_be_visible()
