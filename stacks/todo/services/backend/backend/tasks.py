"""What a task is, and the statements that read and change tasks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from psycopg import AsyncConnection, AsyncCursor, OperationalError
from psycopg.rows import DictRow
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

State = Literal["all", "open", "done"]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Connection = AsyncConnection[DictRow]


class NewTask(BaseModel):
    """What a client sends to add a task."""

    model_config = ConfigDict(extra="forbid")
    title: Title


class TaskChange(BaseModel):
    """What a client sends to change a task; what it leaves out stays."""

    model_config = ConfigDict(extra="forbid")
    title: Title | None = None
    done: bool | None = None


class Task(BaseModel):
    """A task as it is stored."""

    id: int
    title: str
    done: bool
    created_at: datetime
    updated_at: datetime


class TaskPage(BaseModel):
    """Newest first. `next` is the value of `before` for the following page, none on the last one."""

    items: list[Task]
    total: int = Field(description="how many tasks have the state that was asked for, on all pages")
    next: int | None


async def list_tasks(connection: Connection, state: State, limit: int, before: int | None) -> TaskPage:
    """A page of tasks, by key and not by offset: it stays right while tasks are added."""
    done = None if state == "all" else state == "done"
    rows = await connection.execute(
        "SELECT * FROM tasks WHERE (%(done)s::boolean IS NULL OR done = %(done)s) "
        "AND (%(before)s::bigint IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(limit)s",
        {"done": done, "before": before, "limit": limit + 1},
    )
    items = [Task.model_validate(row) for row in await rows.fetchall()]
    counted = await connection.execute(
        "SELECT count(*) AS total FROM tasks WHERE %(done)s::boolean IS NULL OR done = %(done)s", {"done": done}
    )
    total = (await counted.fetchone() or {"total": 0})["total"]
    return TaskPage(items=items[:limit], total=total, next=items[limit - 1].id if len(items) > limit else None)


async def get_task(connection: Connection, task_id: int) -> Task | None:
    """The task, or None."""
    return await _task(await connection.execute("SELECT * FROM tasks WHERE id = %s", [task_id]))


async def add_task(connection: Connection, new: NewTask, key: str | None) -> tuple[Task, bool]:
    """Adds a task, and says whether it is new: a repeated idempotency key gives the task of the first time."""
    insert = (
        "INSERT INTO tasks (title, idempotency_key) VALUES (%s, %s) "
        "ON CONFLICT (idempotency_key) DO NOTHING RETURNING *"
    )
    if added := await _task(await connection.execute(insert, [new.title, key])):
        return added, True
    existing = await _task(await connection.execute("SELECT * FROM tasks WHERE idempotency_key = %s", [key]))
    if existing is None:
        raise OperationalError("the task of this idempotency key was deleted a moment ago")
    return existing, False


async def change_task(connection: Connection, task_id: int, change: TaskChange) -> Task | None:
    """Changes the given fields; None if there is no such task."""
    update = (
        "UPDATE tasks SET title = coalesce(%s, title), done = coalesce(%s, done), updated_at = now() "
        "WHERE id = %s RETURNING *"
    )
    return await _task(await connection.execute(update, [change.title, change.done, task_id]))


async def delete_task(connection: Connection, task_id: int) -> bool:
    """Removes a task; False if there is none."""
    return (await connection.execute("DELETE FROM tasks WHERE id = %s", [task_id])).rowcount == 1


async def _task(cursor: AsyncCursor[DictRow]) -> Task | None:
    row = await cursor.fetchone()
    return None if row is None else Task.model_validate(row)
