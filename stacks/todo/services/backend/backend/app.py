"""The HTTP interface: tasks under /api/tasks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from psycopg import OperationalError
from psycopg_pool import PoolTimeout
from pydantic import Field
from serving import Health, Settings, hide, read_settings

from backend import tasks
from backend.database import Database
from backend.tasks import NewTask, State, Task, TaskChange, TaskPage

_LARGEST_ID = 2**63 - 1
router = APIRouter(prefix="/api/tasks", tags=["tasks"])


class BackendSettings(Settings):
    """DATABASE_URL is secret and has no default."""

    database_url: str
    pool_max_size: int = Field(8, ge=1, le=100)
    database_timeout: float = Field(3.0, gt=0, le=60)


def create(health: Health) -> FastAPI:
    """The application with its pool."""
    settings = read_settings(BackendSettings)
    hide(settings.database_url)
    database = Database(settings.database_url, max_size=settings.pool_max_size, timeout=settings.database_timeout)
    health.started_when(database.check_started)
    health.ready_when(database.check_ready)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with database.opened():
            yield

    app = FastAPI(title="Tasks", lifespan=lifespan, docs_url="/api/docs", openapi_url="/api/openapi.json")
    app.state.database = database
    app.include_router(router)
    for error in (OperationalError, PoolTimeout, TimeoutError):
        app.add_exception_handler(error, _unavailable)
    return app


async def _unavailable(_request: Request, _error: Exception) -> Response:
    body = {"detail": "the database does not answer; try again in a moment"}
    return JSONResponse(body, 503, headers={"retry-after": "1"})


async def _connection(request: Request) -> AsyncIterator[tasks.Connection]:
    async with request.app.state.database.transaction() as connection:
        yield connection


# The transaction ends before the answer is sent: who reads "201" finds the task on any replica.
Connection = Annotated[tasks.Connection, Depends(_connection, scope="function")]
TaskId = Annotated[int, Path(ge=1, le=_LARGEST_ID)]


@router.get("")
async def list_tasks(
    connection: Connection,
    state: State = "all",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[int | None, Query(ge=1, le=_LARGEST_ID)] = None,
) -> TaskPage:
    """Tasks, newest first, in pages."""
    return await tasks.list_tasks(connection, state, limit, before)


@router.post("", status_code=201)
async def add_task(
    connection: Connection,
    new: NewTask,
    response: Response,
    idempotency_key: Annotated[str | None, Header(min_length=8, max_length=100)] = None,
) -> Task:
    """Adds a task. With an Idempotency-Key that was there before it adds nothing: 200, and the first one's task."""
    task, is_new = await tasks.add_task(connection, new, idempotency_key)
    response.headers["location"] = f"/api/tasks/{task.id}"
    if not is_new:
        response.status_code = 200
    return task


@router.get("/{task_id}")
async def get_task(connection: Connection, task_id: TaskId) -> Task:
    """One task."""
    return _found(await tasks.get_task(connection, task_id), task_id)


@router.patch("/{task_id}")
async def change_task(connection: Connection, task_id: TaskId, change: TaskChange) -> Task:
    """Changes title or state of a task."""
    return _found(await tasks.change_task(connection, task_id, change), task_id)


@router.delete("/{task_id}", status_code=204)
async def delete_task(connection: Connection, task_id: TaskId) -> None:
    """Removes a task."""
    if not await tasks.delete_task(connection, task_id):
        raise _missing(task_id)


def _found(task: Task | None, task_id: int) -> Task:
    if task is None:
        raise _missing(task_id)
    return task


def _missing(task_id: int) -> HTTPException:
    return HTTPException(404, f"there is no task {task_id}")
