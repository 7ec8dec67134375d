"""Starting, probes, a database that goes away, and ending without a lost request, for every service."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from console.adapters.embedded_postgres import EmbeddedPostgres
from stacks.todo.tests.conftest import Start, start_frontend, start_mcp_server
from stacks.todo.tests.lock import tasks_locked, waits_for_lock
from stacks.todo.tests.service import Service, free_port


def backend_request(service: Service) -> httpx2.Response:
    return httpx2.get(f"{service.url}/api/tasks", timeout=20)


def tool_request(service: Service) -> httpx2.Response:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_tasks", "arguments": {}}}
    headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18"}
    return httpx2.post(f"{service.url}/mcp", json=call, headers=headers, timeout=20)


def agent_request(service: Service) -> httpx2.Response:
    return httpx2.post(f"{service.url}/agent/chat", json={"message": "list"}, timeout=20)


Begin = Callable[[], Service]


@pytest.fixture
def begin(
    request: pytest.FixtureRequest, start: Start, database_url: str, backend: Service, tmp_path: Path
) -> Callable[[str], Service]:
    """One of the services, of its own for a test that ends it."""

    def one(name: str) -> Service:
        if name == "backend":
            return start("backend", DATABASE_URL=database_url).ready()
        if name == "mcp-server":
            return start_mcp_server(start, backend).ready()
        if name == "ai-agent":
            mcp_server: Service = request.getfixturevalue("mcp_server")
            return start("ai-agent", MCP_URL=f"{mcp_server.url}/mcp").ready()
        return start_frontend(start, backend.url, backend.url, tmp_path).ready()

    return one


@pytest.mark.parametrize(
    ("name", "ask", "stop"),
    [
        ("backend", backend_request, signal.SIGTERM),
        ("mcp-server", tool_request, signal.SIGTERM),
        ("ai-agent", agent_request, signal.SIGTERM),
        ("frontend", backend_request, signal.SIGQUIT),
    ],
)
def test_a_request_in_flight_at_the_stop_signal_is_answered_and_the_exit_code_is_0(
    begin: Callable[[str], Service],
    database_url: str,
    empty: None,
    name: str,
    ask: Callable[[Service], httpx2.Response],
    stop: signal.Signals,
) -> None:
    service = begin(name)
    with ThreadPoolExecutor() as threads:
        with tasks_locked(database_url) as lock:
            asked: Future[httpx2.Response] = threads.submit(ask, service)
            waits_for_lock(database_url)
            service.told(stop)
            if stop is signal.SIGTERM:
                service.until("ready", 503)
            assert not asked.done()
            lock.rollback()
        assert asked.result().status_code == 200

    assert service.exit_code() == 0
    assert "error" not in {line.split('"level":')[-1][:8] for line in service.log.read_text().splitlines()}


def test_a_draining_service_says_not_ready_but_still_accepts_and_gives_connections_back(
    start: Start, database_url: str
) -> None:
    service = start("backend", DATABASE_URL=database_url, DRAIN_SECONDS="20").ready()
    with httpx2.Client(base_url=service.url) as client:
        assert "connection" not in client.get("/api/tasks").headers
        service.told().until("ready", 503)

        assert service.health("ready")[1] == {"status": "not ready", "reason": "shutting down"}
        assert service.health("live")[0] == 200
        answer = client.post("/api/tasks", json={"title": "while draining"})
        assert (answer.status_code, answer.headers["connection"]) == (201, "close")

    # A second signal ends the waiting.
    assert service.told().exit_code() == 0


async def test_no_request_is_lost_when_a_new_one_takes_over(start: Start, database_url: str, empty: None) -> None:
    """As in a rolling update: clients go on with the old one until they hear that it is not ready."""
    old, new = (start("backend", DATABASE_URL=database_url).ready() for _ in range(2))
    target = old
    statuses: list[int] = []

    async def client() -> None:
        async with httpx2.AsyncClient(timeout=10) as http:
            while target is old or len(statuses) < 150:
                statuses.append((await http.get(f"{target.url}/api/tasks?limit=1")).status_code)

    async with asyncio.TaskGroup() as clients:
        for _ in range(4):
            clients.create_task(client())
        await asyncio.to_thread(backend_request, old)
        old.told()
        await asyncio.to_thread(old.until, "ready", 503)
        target = new
    assert set(statuses) == {200}
    assert await asyncio.to_thread(old.exit_code) == 0


@pytest.mark.parametrize("name", ["backend", "mcp-server", "ai-agent"])
def test_a_signal_while_it_starts_ends_it_with_0(start: Start, name: str) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    needs = {"DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c", "BACKEND_URL": nowhere, "PUBLIC_URLS": nowhere}
    service = start(name, MCP_URL=f"{nowhere}/mcp", **needs)
    # Its own handler is there once the interpreter has run the first lines; before that nothing has begun.
    deadline = time.monotonic() + 10
    while not catches(service, signal.SIGTERM):
        assert time.monotonic() < deadline
        time.sleep(0.001)

    assert service.told().exit_code() == 0


def catches(service: Service, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal (proc(5), SigCgt)."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1]
    return bool(int(caught, 16) >> (number - 1) & 1)


@pytest.mark.parametrize(
    ("name", "environment", "words"),
    [
        ("backend", {}, "DATABASE_URL is not set"),
        ("backend", {"DATABASE_URL": "x", "POOL_MAX_SIZE": "many"}, "POOL_MAX_SIZE is wrong: Input should be a valid"),
        ("ai-agent", {}, "MCP_URL is not set"),
    ],
)
def test_a_missing_or_wrong_setting_is_named_and_ends_it(
    start: Start, name: str, environment: dict[str, str], words: str
) -> None:
    service = start(name, **environment)

    assert service.exit_code() == 1
    assert words in service.log.read_text()
    assert "Traceback" not in service.log.read_text()


@pytest.fixture
async def own_database(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    postgres = EmbeddedPostgres(tmp_path / "postgres")
    yield postgres
    await postgres.stop()


async def test_comes_back_by_itself_when_the_database_goes_away(start: Start, own_database: EmbeddedPostgres) -> None:
    url = await own_database.start()
    await own_database.stop()
    services = [start("backend", DATABASE_URL=url).until("live", 200) for _ in range(2)]
    service = services[0]

    # Started without a database: alive, but neither started nor ready, and it says why.
    status, body = service.health("startup")
    assert (status, body["status"]) == (503, "not started")
    assert "the database has not answered" in body["reason"]

    # Several replicas find the empty database at once: the schema is made once.
    assert await own_database.start() == url
    for one in services:
        await asyncio.to_thread(one.ready)
        assert one.health("startup")[0] == 200
    applied = [line for one in services for line in one.log.read_text().splitlines() if "applied 0001" in line]
    assert len(applied) == 1

    async with httpx2.AsyncClient(base_url=service.url, timeout=20) as client:
        assert (await client.post("/api/tasks", json={"title": "kept"})).status_code == 201
        await own_database.stop()
        await asyncio.to_thread(service.until, "ready", 503)
        assert service.health("live")[0] == 200
        assert service.health("ready")[1]["reason"].startswith("the database does not answer")
        away = await client.get("/api/tasks")
        assert (away.status_code, away.headers["retry-after"]) == (503, "1")

        await own_database.start()
        await asyncio.to_thread(service.ready)
        assert [task["title"] for task in (await client.get("/api/tasks")).json()["items"]] == ["kept"]
    password = urlsplit(url).password or ""
    assert password not in "".join(one.log.read_text() for one in services)


def test_ready_follows_the_services_behind(start: Start, database_url: str) -> None:
    backend = start("backend", DATABASE_URL=database_url).ready()
    mcp_server = start_mcp_server(start, backend).ready()
    agent = start("ai-agent", MCP_URL=f"{mcp_server.url}/mcp").ready()

    backend.told(signal.SIGKILL).exit_code()

    agent.until("ready", 503)
    assert mcp_server.health("ready")[1]["reason"] == "the backend is not ready"
    assert agent.health("ready")[1]["reason"] == "the MCP server is not ready"
    assert (mcp_server.health("live")[0], agent.health("live")[0]) == (200, 200)


def test_secrets_never_reach_a_log(start: Start, database_url: str) -> None:
    """The worst case: everything is logged, and the database refuses the password, which it was given as a URL."""
    parts = urlsplit(database_url)
    wrong = f"postgresql://app:a-planted-password@{parts.hostname}:{parts.port}/app"
    service = start("backend", DATABASE_URL=wrong, LOG_LEVEL="debug").until("live", 200)
    deadline = time.monotonic() + 10
    while "password authentication failed" not in service.log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)

    assert service.told().exit_code() == 0
    assert "a-planted-password" not in service.log.read_text()
