"""The agent without a model: carries out what `wishes` reads, by calling tools."""

from __future__ import annotations

from typing import Any

from ai_agent.tools import Reply, ToolFailedError, Tools
from ai_agent.wishes import Add, Change, Help, Rename, Show, State, Target, Unknown, Wish, read_wishes

ENGINE = "rules"
_PAGE = 200
_PAST = {"complete": "Completed", "reopen": "Reopened", "delete": "Deleted"}
HELP = (
    "You can say, for example: “add buy milk”, “what is open?”, “finish task 3”, “finish milk”, "
    "“rename 3 to buy oat milk”, “reopen 3”, “delete 3 and 4”, “delete all done tasks”; several in one message, too."
)


async def answer(message: str, tools: Tools) -> Reply:
    """Carries out every wish of the message in order; one that fails does not stop the others."""
    lines: list[str] = []
    for wish in read_wishes(message) or [Help()]:
        try:
            lines.append(await _carry_out(wish, tools))
        except ToolFailedError as error:
            lines.append(f"That did not work: {error}.")
    return Reply(reply="\n".join(dict.fromkeys(lines)), calls=tools.calls, engine=ENGINE)


async def _carry_out(wish: Wish, tools: Tools) -> str:
    match wish:
        case Add(title):
            return f"Added {_name(await tools.call('add_task', title=title))}."
        case Show(state):
            return _listing(state, await tools.call("list_tasks", state=state, limit=_PAGE))
        case Change(verb, target):
            return await _change(verb, target, tools)
        case Rename(target, title):
            return await _rename(target, title, tools)
        case Help():
            return HELP
        case Unknown(text):
            return f"I did not understand “{text}”. {HELP}"


async def _change(verb: str, target: Target, tools: Tools) -> str:
    numbers, problem = await _find(target, tools)
    lines = [problem] if problem else []
    for number in numbers:
        try:
            task = await tools.call(f"{verb}_task", task_id=number)
            lines.append(f"{_PAST[verb]} {_name(task)}.")
        except ToolFailedError as error:
            lines.append(f"That did not work: {error}.")
    return "\n".join(lines)


async def _rename(target: Target, title: str, tools: Tools) -> str:
    numbers, problem = await _find(target, tools)
    if problem or len(numbers) != 1:
        return problem or "I can rename one task at a time."
    return f"Renamed: {_name(await tools.call('rename_task', task_id=numbers[0], title=title))}."


async def _find(target: Target, tools: Tools) -> tuple[list[int], str]:
    """The numbers of the tasks that are meant, or why there are none."""
    if target.numbers:
        return list(target.numbers), ""
    tasks = (await tools.call("list_tasks", state=target.every or "all", limit=_PAGE))["tasks"]
    if target.every:
        return [task["id"] for task in tasks], "" if tasks else "There are no such tasks."
    words = target.words.lower()
    found = [task for task in tasks if task["title"].lower() == words]
    found = found or [task for task in tasks if words in task["title"].lower()]
    if len(found) == 1:
        return [found[0]["id"]], ""
    if not found:
        return [], f"There is no task like “{target.words}”."
    return [], f"Which one do you mean: {', '.join(_name(task) for task in found)}? Say its number."


def _listing(state: State, answer: dict[str, Any]) -> str:
    tasks, total = answer["tasks"], answer["total"]
    kind = "" if state == "all" else f"{state} "
    if not tasks:
        return "Nothing is open. Well done!" if state == "open" else f"There are no {kind}tasks."
    head = f"{total} {kind}task{'s' if total != 1 else ''}{f', the newest {len(tasks)}' if total > len(tasks) else ''}:"
    return "\n".join([head, *(f"{_name(task)}{' ✓' if task['done'] and state == 'all' else ''}" for task in tasks)])


def _name(task: dict[str, Any]) -> str:
    return f"#{task['id']} {task['title']}"
