"""The tools. Names, signatures and docstrings are what an agent sees."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, Any, Literal, ParamSpec, TypeVar

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field

from mcp_server.backend import Backend, BackendError

TaskId = Annotated[int, Field(description="The number of the task", ge=1)]
Title = Annotated[str, Field(description="What there is to do", min_length=1, max_length=200)]
P = ParamSpec("P")
R = TypeVar("R")


class Task(BaseModel):
    """A task, as far as an agent needs to know it."""

    id: int
    title: str
    done: bool


class TaskList(BaseModel):
    """Tasks, newest first; `total` counts those beyond the limit as well."""

    tasks: list[Task]
    total: int


def register_tools(server: MCPServer, backend: Backend) -> None:
    """Offers all tools on `server`."""
    tools = TaskTools(backend)
    server.add_tool(_honest(tools.list_tasks), annotations=ToolAnnotations(read_only_hint=True))
    for harmless in (tools.add_task, tools.complete_task, tools.reopen_task, tools.rename_task):
        server.add_tool(_honest(harmless), annotations=ToolAnnotations(destructive_hint=False))
    server.add_tool(_honest(tools.delete_task), annotations=ToolAnnotations(destructive_hint=True))


class TaskTools:
    """Each public method is a tool."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def list_tasks(
        self,
        state: Annotated[Literal["all", "open", "done"], Field(description="Which tasks")] = "open",
        limit: Annotated[int, Field(description="How many at most", ge=1, le=200)] = 50,
    ) -> TaskList:
        """Lists tasks, newest first."""
        page = await self._backend.request("GET", "", params={"state": state, "limit": limit})
        return TaskList(tasks=page["items"], total=page["total"])

    async def add_task(self, title: Title) -> Task:
        """Adds a task."""
        return Task.model_validate(await self._backend.request("POST", "", json={"title": title}))

    async def complete_task(self, task_id: TaskId) -> Task:
        """Marks a task as done."""
        return await self._change(task_id, {"done": True})

    async def reopen_task(self, task_id: TaskId) -> Task:
        """Marks a task as open again."""
        return await self._change(task_id, {"done": False})

    async def rename_task(self, task_id: TaskId, title: Title) -> Task:
        """Changes the title of a task."""
        return await self._change(task_id, {"title": title})

    async def delete_task(self, task_id: TaskId) -> Task:
        """Deletes a task for good, and tells which it was."""
        task = Task.model_validate(await self._backend.request("GET", f"/{task_id}"))
        await self._backend.request("DELETE", f"/{task_id}")
        return task

    async def _change(self, task_id: int, change: dict[str, Any]) -> Task:
        return Task.model_validate(await self._backend.request("PATCH", f"/{task_id}", json=change))


def _honest(tool: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """The backend's reasons reach the agent in words; any other error stays inside."""

    @wraps(tool)
    async def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await tool(*args, **kwargs)
        except BackendError as error:
            raise ToolError(str(error)) from error

    return call
