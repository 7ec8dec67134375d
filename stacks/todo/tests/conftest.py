"""The services as real processes on a real PostgreSQL, started once a worker and only when a test asks for them."""

import asyncio
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import psycopg
import pytest

from console.adapters.embedded_postgres import EmbeddedPostgres
from stacks.todo.tests.service import SERVICES, Service, free_port, nginx

sys.path.insert(0, str(SERVICES / "ai-agent"))

# Long enough to look into, short enough to wait for.
DRAIN = "0.4"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
    yield server
    asyncio.run(server.stop())


@pytest.fixture(scope="session")
def database_url(postgres: EmbeddedPostgres) -> str:
    return asyncio.run(postgres.start())


Start = Callable[..., Service]


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts a service: `start("backend", DATABASE_URL=...)`. All that still run at the end are ended."""
    started: list[Service] = []

    def begin(name: str, command: list[str] | None = None, **environment: str) -> Service:
        folder = tmp_path_factory.mktemp(name)
        one = Service(name, folder, {"DRAIN_SECONDS": DRAIN, "POD_NAME": f"{name}-pod", **environment}, command)
        started.append(one)
        return one

    yield begin
    for one in started:
        one.kill()


@pytest.fixture(scope="session")
def backend(start: Start, database_url: str) -> Service:
    return start("backend", DATABASE_URL=database_url).ready()


@pytest.fixture(scope="session")
def mcp_server(start: Start, backend: Service) -> Service:
    return start_mcp_server(start, backend).ready()


def start_mcp_server(start: Start, backend: Service) -> Service:
    port = free_port()
    return start("mcp-server", BACKEND_URL=backend.url, PORT=str(port), PUBLIC_URLS=f"http://127.0.0.1:{port}")


@pytest.fixture(scope="session")
def agent(start: Start, mcp_server: Service) -> Service:
    return start("ai-agent", MCP_URL=f"{mcp_server.url}/mcp").ready()


@pytest.fixture(scope="session")
def frontend(start: Start, backend: Service, agent: Service, tmp_path_factory: pytest.TempPathFactory) -> Service:
    return start_frontend(start, backend.url, agent.url, tmp_path_factory.mktemp("settings")).ready()


def start_frontend(start: Start, backend_url: str, agent_url: str, settings: Path) -> Service:
    """The page's server, with its settings.json in `settings`, as a mounted ConfigMap would be."""
    app = settings / "app"
    shutil.copytree(SERVICES / "frontend" / "src", app / "html")
    for file in ("start.sh", "nginx.conf.template"):
        shutil.copy(SERVICES / "frontend" / file, app)
    shutil.copy(SERVICES / "frontend" / "src" / "settings.json", settings)
    port = free_port()
    return start(
        "frontend",
        ["sh", str(app / "start.sh")],
        PORT=str(port),
        LISTEN=f"127.0.0.1:{port}",
        BACKEND_URL=backend_url,
        AGENT_URL=agent_url,
        SETTINGS_DIR=str(settings),
        NGINX_PROGRAM=nginx(),
        TMPDIR=str(settings),
    )


@pytest.fixture
def empty(database_url: str, backend: Service) -> None:
    """No tasks, and numbers from 1 on."""
    with psycopg.connect(database_url) as connection:
        connection.execute("TRUNCATE tasks RESTART IDENTITY")


@pytest.fixture
def tasks(backend: Service, empty: None) -> Iterator[httpx2.Client]:
    """A client of the backend, with no tasks there."""
    with httpx2.Client(base_url=f"{backend.url}/api", timeout=10) as client:
        yield client
