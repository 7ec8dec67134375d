"""The tools, called by the official client over streamable HTTP."""

import httpx2
import pytest
from mcp import Client

from stacks.todo.tests.service import Service


async def test_offers_tools_that_say_what_they_do(mcp_server: Service) -> None:
    async with Client(f"{mcp_server.url}/mcp") as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}

    assert set(tools) == {"add_task", "complete_task", "delete_task", "list_tasks", "rename_task", "reopen_task"}
    assert all(tool.description and tool.output_schema for tool in tools.values())
    assert tools["add_task"].input_schema["properties"]["title"]["maxLength"] == 200
    hints = tools["delete_task"].annotations
    assert hints is not None
    assert hints.destructive_hint is True


async def test_tools_change_the_tasks_of_the_backend(mcp_server: Service, tasks: httpx2.Client) -> None:
    async with Client(f"{mcp_server.url}/mcp") as client:
        added = await client.call_tool("add_task", {"title": "water plants"})
        await client.call_tool("rename_task", {"task_id": 1, "title": "water all plants"})
        await client.call_tool("complete_task", {"task_id": 1})
        listed = await client.call_tool("list_tasks", {"state": "done"})
        assert tasks.get("/tasks/1").json()["done"] is True
        deleted = await client.call_tool("delete_task", {"task_id": 1})

    assert added.structured_content == {"id": 1, "title": "water plants", "done": False}
    assert listed.structured_content == {"tasks": [{"id": 1, "title": "water all plants", "done": True}], "total": 1}
    assert deleted.structured_content is not None
    assert tasks.get("/tasks").json()["total"] == 0


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("complete_task", {"task_id": 77}, "there is no task 77"),
        ("add_task", {"title": ""}, "at least 1 character"),
        ("complete_task", {"task_id": 0}, "greater than or equal to 1"),
    ],
)
async def test_a_refusal_reaches_the_agent_in_words(
    mcp_server: Service, empty: None, tool: str, arguments: dict[str, object], words: str
) -> None:
    async with Client(f"{mcp_server.url}/mcp") as client:
        result = await client.call_tool(tool, arguments)

    assert result.is_error
    assert words in " ".join(block.text for block in result.content if block.type == "text")


def test_a_host_that_is_not_allowed_is_refused(mcp_server: Service) -> None:
    headers = {"host": "evil.example", "accept": "application/json, text/event-stream"}
    answer = httpx2.post(f"{mcp_server.url}/mcp", json={}, headers=headers)

    assert answer.status_code == 421
