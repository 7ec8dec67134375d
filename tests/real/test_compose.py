"""The compose file brings the reference stack up on a real engine, and its page works (make test-real)."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.async_api import async_playwright, expect

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.real


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of the page, once all services are up and healthy; nothing is left of them afterwards."""
    program = shutil.which("docker-compose")
    assert program, "install docker-compose"
    port = str(_free_port())
    given = {"PORT": port, "POSTGRES_PORT": str(_free_port()), "POSTGRES_PASSWORD": secrets.token_hex(16)}
    environment = {**os.environ, **given, "OPENAI_API_KEY": ""}
    line = [program, "--file", str(ROOT / "docker-compose.yml"), "--project-name", f"test-{uuid.uuid4().hex[:8]}"]
    try:
        up = subprocess.run([*line, "up", "--detach", "--build"], env=environment, capture_output=True, text=True)
        assert up.returncode == 0, up.stderr
        _until_served(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        subprocess.run([*line, "down", "--volumes", "--timeout", "10"], env=environment, check=True)


def _until_served(address: str) -> None:
    """Returns once the page's server accepts connections: all behind it was ready before it was started."""
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        try:
            httpx2.get(address, timeout=5)
            return
        except httpx2.TransportError:
            time.sleep(0.1)
    pytest.fail(f"nobody serves {address}")


@pytest.fixture(scope="module")
def tasks(address: str) -> Iterator[httpx2.Client]:
    """A client of the backend through the page's server."""
    with httpx2.Client(base_url=f"{address}/api", timeout=30) as client:
        yield client


def test_tasks_are_kept_in_the_database(tasks: httpx2.Client) -> None:
    made = tasks.post("/tasks", json={"title": "water plants"})
    assert made.status_code == 201, made.text
    assert "water plants" in [task["title"] for task in tasks.get("/tasks").json()["items"]]


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt-get install chromium")
async def test_the_page_adds_and_completes_a_task(address: str, tasks: httpx2.Client) -> None:
    title = f"buy {uuid.uuid4().hex[:6]}"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page()
        await page.goto(address)
        await page.get_by_label("New task").fill(title)
        await page.keyboard.press("Enter")
        await page.get_by_role("checkbox", name=title).check()
        await expect(page.get_by_role("button", name="Done 1")).to_be_visible()
        await browser.close()
    assert [task["done"] for task in tasks.get("/tasks").json()["items"] if task["title"] == title] == [True]


def test_a_sentence_to_the_agent_becomes_a_task_through_the_mcp_server(address: str, tasks: httpx2.Client) -> None:
    reply = httpx2.post(f"{address}/agent/chat", json={"message": "add call grandmother"}, timeout=30)
    assert reply.status_code == 200, reply.text
    assert "call grandmother" in [task["title"] for task in tasks.get("/tasks").json()["items"]]
