"""The agent with a language model: openai-agents chooses the tools, and MCP calls them."""

from __future__ import annotations

import json
from typing import Any

from agents import Agent, OpenAIChatCompletionsModel, Runner, RunResult, set_tracing_disabled
from agents.exceptions import AgentsException
from agents.items import ToolCallItem, ToolCallOutputItem
from agents.mcp import MCPServerStreamableHttp
from openai import AsyncOpenAI, OpenAIError

from ai_agent.tools import Reply, ToolCall, UnreachableError

ENGINE = "model"
_INSTRUCTIONS = (
    "You look after a to-do list by calling tools. Do what is asked, then say in one or two plain sentences what you "
    "did, with the numbers of the tasks. To find a task by its words, list the tasks first. Never invent a number."
)
_MOST_TURNS = 10


class ModelAgent:
    """Owns the connection to the model: close it with `aclose`.

    Args:
        mcp_url: where the tools are.
        key: of the model's API; secret.
        base_url: of an OpenAI-compatible API; empty means OpenAI's own.
        model: the model's name.
        timeout: for each answer of the model or of a tool, in seconds.
    """

    def __init__(self, *, mcp_url: str, key: str, base_url: str, model: str, timeout: float) -> None:
        # Traces would go to a third party.
        set_tracing_disabled(True)
        self._mcp_url = mcp_url
        self._timeout = timeout
        self._openai = AsyncOpenAI(api_key=key, base_url=base_url or None, timeout=timeout, max_retries=1)
        self._model = OpenAIChatCompletionsModel(model, openai_client=self._openai)

    async def aclose(self) -> None:
        """Closes the connection to the model."""
        await self._openai.close()

    async def answer(self, message: str, history: list[dict[str, str]]) -> Reply:
        """Answers a message, given the conversation so far. Raises UnreachableError."""
        try:
            async with MCPServerStreamableHttp(
                {"url": self._mcp_url, "timeout": self._timeout},
                client_session_timeout_seconds=self._timeout,
                use_structured_content=True,
            ) as tools:
                agent = Agent("todo", instructions=_INSTRUCTIONS, mcp_servers=[tools], model=self._model)
                run = await Runner.run(agent, self._conversation(message, history), max_turns=_MOST_TURNS)
        except OpenAIError as error:
            raise UnreachableError(f"the model does not answer ({type(error).__name__})") from error
        except AgentsException as error:
            raise UnreachableError(f"the conversation with the model failed ({type(error).__name__})") from error
        return Reply(reply=str(run.final_output), calls=_calls(run), engine=ENGINE)

    @staticmethod
    def _conversation(message: str, history: list[dict[str, str]]) -> Any:
        return [*history, {"role": "user", "content": message}]


def _calls(run: RunResult) -> list[ToolCall]:
    """The calls of a run with their answers, which come as items of their own."""
    answers = {_id(item): item.output for item in run.new_items if isinstance(item, ToolCallOutputItem)}
    return [_call(item, answers.get(_id(item))) for item in run.new_items if isinstance(item, ToolCallItem)]


def _id(item: ToolCallItem | ToolCallOutputItem) -> str:
    raw: Any = item.raw_item
    return str(raw["call_id"] if isinstance(raw, dict) else raw.call_id)


def _call(item: ToolCallItem, output: Any) -> ToolCall:
    raw: Any = item.raw_item
    result = output.get("text", output) if isinstance(output, dict) else output
    try:
        result = json.loads(result)
    except (TypeError, ValueError):
        # Answers are JSON; words are the reason of a failure.
        return ToolCall(tool=raw.name, arguments=json.loads(raw.arguments or "{}"), ok=False, result=str(result))
    return ToolCall(tool=raw.name, arguments=json.loads(raw.arguments or "{}"), ok=True, result=result)
