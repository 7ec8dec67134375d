"""Sentences that reach the database through MCP: with rules, and with a model behind an OpenAI-compatible API."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest

from stacks.todo.tests.conftest import Start
from stacks.todo.tests.service import Service, free_port

KEY = "sk-a-key-that-must-not-be-seen"


def chat(agent: Service, message: str, **more: object) -> dict[str, Any]:
    answer = httpx2.post(f"{agent.url}/agent/chat", json={"message": message, **more}, timeout=30)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_a_sentence_becomes_a_task_in_the_database(agent: Service, tasks: httpx2.Client) -> None:
    answer = chat(agent, "add buy milk")

    assert answer["reply"] == "Added #1 buy milk."
    task = {"id": 1, "title": "buy milk", "done": False}
    assert answer["calls"] == [{"tool": "add_task", "arguments": {"title": "buy milk"}, "ok": True, "result": task}]
    assert tasks.get("/tasks/1").json()["title"] == "buy milk"


def test_several_wishes_in_one_message(agent: Service, tasks: httpx2.Client) -> None:
    reply = chat(agent, "Add water the plants, add buy milk and finish the milk task. What is open?")["reply"]

    assert reply.splitlines() == [
        "Added #1 water the plants.",
        "Added #2 buy milk.",
        "Completed #2 buy milk.",
        "1 open task:",
        "#1 water the plants",
    ]
    assert chat(agent, "delete all done tasks")["reply"] == "Deleted #2 buy milk."
    assert chat(agent, "rename plants to water all plants; reopen 1; finish 1; show all")["reply"].splitlines() == [
        "Renamed: #1 water all plants.",
        "Reopened #1 water all plants.",
        "Completed #1 water all plants.",
        "1 task:",
        "#1 water all plants \N{CHECK MARK}",
    ]
    assert chat(agent, "what is open?")["reply"] == "Nothing is open. Well done!"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("finish task 9", "there is no task 9"),
        ("finish unicorn", "There is no task like “unicorn”"),
        ("finish milk", "Which one do you mean: #2 skimmed milk, #1 whole milk?"),
        ("sing a song", "I did not understand “sing a song”. You can say"),
        ("rename 1 to " + "x" * 201, "at most 200 characters"),
    ],
)
def test_says_what_is_wrong_and_what_to_say(agent: Service, tasks: httpx2.Client, message: str, words: str) -> None:
    for title in ("whole milk", "skimmed milk"):
        tasks.post("/tasks", json={"title": title})

    assert words in chat(agent, message)["reply"]


@pytest.mark.parametrize("body", [b"{", b"{}", b'{"message": " "}', b'{"message": "a", "history": [{"role": "root"}]}'])
def test_a_wrong_request_is_refused_with_422(agent: Service, body: bytes) -> None:
    answer = httpx2.post(f"{agent.url}/agent/chat", content=body)

    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_says_so_when_the_tools_are_away(start: Start) -> None:
    agent = start("ai-agent", MCP_URL=f"http://127.0.0.1:{free_port()}/mcp").until("live", 200)

    answer = httpx2.post(f"{agent.url}/agent/chat", json={"message": "list"}, timeout=30)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "MCP server does not answer" in answer.json()["detail"]
    status, body = agent.health("ready")
    assert (status, body["reason"]) == (503, "the MCP server cannot be reached (ConnectError)")


class Model(BaseHTTPRequestHandler):
    """A model that adds what it is told to add, and then says what the tool answered."""

    requests: list[dict[str, Any]]

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.requests.append({"path": self.path, "key": self.headers["authorization"], **sent})
        last = sent["messages"][-1]
        if last["role"] == "tool":
            message: dict[str, Any] = {"role": "assistant", "content": f"Done: {last['content']}"}
        else:
            function = {"name": "add_task", "arguments": json.dumps({"title": last["content"]})}
            call = {"id": "call-1", "type": "function", "function": function}
            message = {"role": "assistant", "content": None, "tool_calls": [call]}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        body = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        content = json.dumps(body).encode()
        self.send_response(401 if last["content"] == "refuse" else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def model() -> Iterator[ThreadingHTTPServer]:
    Model.requests = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Model) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def agent_with_model(start: Start, mcp_server: Service, model: ThreadingHTTPServer) -> Service:
    url = f"http://127.0.0.1:{model.server_port}/v1"
    settings = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": url, "OPENAI_MODEL": "m"}
    return start("ai-agent", MCP_URL=f"{mcp_server.url}/mcp", **settings).ready()


def test_with_a_key_a_model_chooses_the_tools(agent_with_model: Service, tasks: httpx2.Client) -> None:
    history = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}]
    answer = chat(agent_with_model, "buy milk", history=history)

    first = Model.requests[0]
    assert (first["path"], first["key"]) == ("/v1/chat/completions", f"Bearer {KEY}")
    assert [message["content"] for message in first["messages"][1:]] == ["hello", "hi", "buy milk"]
    assert "list_tasks" in {tool["function"]["name"] for tool in first["tools"]}
    task = {"id": 1, "title": "buy milk", "done": False}
    assert answer["calls"] == [{"tool": "add_task", "arguments": {"title": "buy milk"}, "ok": True, "result": task}]
    assert answer["reply"].startswith("Done: ")
    assert tasks.get("/tasks/1").json()["title"] == "buy milk"


def test_a_model_that_refuses_is_named_and_the_key_is_not(agent_with_model: Service) -> None:
    answer = httpx2.post(f"{agent_with_model.url}/agent/chat", json={"message": "refuse"}, timeout=30)

    assert answer.status_code == 503
    assert answer.json()["detail"] == "the model does not answer (AuthenticationError)"
    assert KEY not in agent_with_model.log.read_text()
