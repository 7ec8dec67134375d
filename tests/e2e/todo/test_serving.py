"""What the reference stack is for, at the ingress address, and how a change comes to it."""

import json
import threading
from contextlib import contextmanager

import httpx2
import psycopg
from playwright.async_api import async_playwright, expect

from stacks.todo.tests.test_page import CHROMIUM, FLAGS, needs_browser


@contextmanager
def asking(todo):
    """Asks for tasks again and again, as several clients would; every status, and every request that broke off."""
    answers, enough = [], threading.Event()

    def ask():
        with httpx2.Client(base_url=todo.address, timeout=10) as client:
            while not enough.wait(0.02):
                try:
                    answers.append(client.get("/api/tasks?limit=1").status_code)
                except httpx2.TransportError as error:
                    answers.append(repr(error))

    clients = [threading.Thread(target=ask) for _ in range(2)]
    for each in clients:
        each.start()
    try:
        yield answers
    finally:
        enough.set()
        for each in clients:
            each.join()


def test_the_page_and_the_api_answer_at_the_address_that_a_deploy_tells(todo):
    assert todo.address in todo.said[0]
    page = httpx2.get(todo.address, timeout=10)
    assert page.headers["content-type"].startswith("text/html")
    assert "New task" in page.text
    todo.add("buy milk")
    assert "buy milk" in todo.tasks()


def test_a_sentence_to_the_agent_becomes_a_task_in_the_database_through_the_mcp_server(todo):
    def calls():
        lines = todo.run("logs", "{}", "mcp-server", "--no-follow", "--grep", '"path": "/mcp", "status": 200')
        return len(lines.splitlines())

    before = calls()
    reply = httpx2.post(f"{todo.address}/agent/chat", json={"message": "add water the plants"}, timeout=20)
    assert reply.status_code == 200, reply.text
    assert calls() > before
    with psycopg.connect(todo.database_url()) as connection:
        rows = connection.execute("SELECT done FROM tasks WHERE title = 'water the plants'").fetchall()
    assert rows == [(False,)]


@needs_browser
async def test_the_form_of_the_page_adds_a_task(todo):
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page()
        await page.goto(todo.address)
        await page.get_by_label("New task").fill("read the page")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("checkbox", name="read the page")).to_be_visible()
        await browser.close()
    assert "read the page" in todo.tasks()


def test_a_second_deploy_has_nothing_to_do(todo):
    before = {each["metadata"]["uid"] for each in todo.pods()}
    assert "nothing to do" in todo.run("deploy", "{}", "--headless")
    assert {each["metadata"]["uid"] for each in todo.pods()} == before


def test_one_line_of_the_backend_changes_only_the_backend_and_no_request_fails(todo):
    before = {each["metadata"]["uid"]: each["metadata"]["name"] for each in todo.pods()}
    todo.stack.edit("services/backend/backend/app.py", 'title="Tasks"', 'title="Tasks, as of now"')
    with asking(todo) as answers:
        stream = todo.run("deploy", "{}", "--output", "ndjson")
        todo.settled()  # the old pods are gone, too
    assert len(answers) > 50
    assert set(answers) == {200}

    steps = {fact["step_id"] for fact in map(json.loads, stream.splitlines()) if fact["type"] == "step-started"}
    assert {step for step in steps if ":" in step} == {f"{what}:backend" for what in ("build", "push", "apply", "wait")}
    after = {each["metadata"]["uid"]: each["metadata"]["name"] for each in todo.pods()}
    assert {name for uid, name in before.items() if uid not in after} == {
        name for name in before.values() if name.startswith("backend-")
    }
    assert httpx2.get(f"{todo.address}/api/openapi.json").json()["info"]["title"] == "Tasks, as of now"
