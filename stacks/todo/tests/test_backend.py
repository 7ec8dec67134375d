"""Tasks over HTTP, on a real database."""

import asyncio

import httpx2
import pytest

from stacks.todo.tests.service import Service


def test_a_task_is_added_read_changed_and_deleted(tasks: httpx2.Client) -> None:
    added = tasks.post("/tasks", json={"title": "  buy milk "})
    assert (added.status_code, added.headers["location"]) == (201, "/api/tasks/1")
    assert added.json() | {"title": "buy milk", "done": False} == added.json()

    changed = tasks.patch("/tasks/1", json={"done": True}).json()
    assert (changed["done"], changed["title"]) == (True, "buy milk")
    assert changed["updated_at"] > changed["created_at"]
    assert tasks.get("/tasks/1").json() == changed

    assert tasks.delete("/tasks/1").status_code == 204
    assert tasks.get("/tasks/1").status_code == 404


def test_pages_go_back_from_the_newest_and_stay_right_while_tasks_are_added(tasks: httpx2.Client) -> None:
    for number in range(1, 6):
        tasks.post("/tasks", json={"title": f"task {number}"})

    first = tasks.get("/tasks", params={"limit": 2}).json()
    tasks.post("/tasks", json={"title": "newer than both pages"})
    second = tasks.get("/tasks", params={"limit": 2, "before": first["next"]}).json()
    last = tasks.get("/tasks", params={"limit": 2, "before": second["next"]}).json()

    assert [[task["id"] for task in page["items"]] for page in (first, second, last)] == [[5, 4], [3, 2], [1]]
    assert (first["total"], last["next"]) == (5, None)


def test_lists_by_state(tasks: httpx2.Client) -> None:
    for title in ("one", "two"):
        tasks.post("/tasks", json={"title": title})
    tasks.patch("/tasks/1", json={"done": True})

    titles = {
        state: [task["title"] for task in tasks.get("/tasks", params={"state": state}).json()["items"]]
        for state in ("all", "open", "done")
    }
    assert titles == {"all": ["two", "one"], "open": ["two"], "done": ["one"]}


def test_the_same_idempotency_key_adds_one_task(tasks: httpx2.Client) -> None:
    key = {"idempotency-key": "a-key-of-mine"}
    first = tasks.post("/tasks", json={"title": "once"}, headers=key)
    second = tasks.post("/tasks", json={"title": "once"}, headers=key)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert tasks.get("/tasks").json()["total"] == 1


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "", {"title": "   "}),
        ("POST", "", {"title": "x" * 201}),
        ("POST", "", {"title": "with a \x00"}),
        ("POST", "", {"title": "ok", "done": True}),
        ("PATCH", "/1", {"done": "perhaps"}),
        ("GET", "/0", None),
        ("GET", "/99999999999999999999", None),
        ("GET", "?state=lost", None),
        ("GET", "?limit=1000", None),
    ],
)
def test_what_is_wrong_is_refused_with_422(tasks: httpx2.Client, method: str, path: str, body: object) -> None:
    answer = tasks.request(method, f"/tasks{path}", json=body)

    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_every_answer_names_the_pod_and_the_request(tasks: httpx2.Client) -> None:
    answer = tasks.get("/tasks/42", headers={"x-request-id": "r-1"})

    assert answer.status_code == 404
    assert answer.json() == {"detail": "there is no task 42"}
    assert (answer.headers["x-pod-name"], answer.headers["x-request-id"]) == ("backend-pod", "r-1")


async def test_many_more_requests_than_connections_are_all_answered(backend: Service, empty: None) -> None:
    async with httpx2.AsyncClient(base_url=backend.url, timeout=20) as client:
        added = await asyncio.gather(
            *(client.post("/api/tasks", json={"title": f"task {number}"}) for number in range(100))
        )
        total = (await client.get("/api/tasks?limit=1")).json()["total"]

    assert {answer.status_code for answer in added} == {201}
    assert total == 100
