"""The page's server, and the build of its image."""

import asyncio
import shutil
from pathlib import Path

import httpx2
import pytest

from stacks.todo.tests.conftest import Start, start_frontend
from stacks.todo.tests.service import SERVICES, Service


def test_serves_the_page_with_strict_headers_and_the_services_behind_it(frontend: Service) -> None:
    answer = httpx2.get(frontend.url)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers.get_list("x-pod-name") == ["frontend-pod"]
    for path, pod in (("/api/tasks", "backend-pod"), ("/agent/about", "ai-agent-pod")):
        behind = httpx2.get(frontend.url + path)
        assert (behind.headers.get_list("x-pod-name"), behind.headers["cache-control"]) == ([pod], "no-store")


def test_is_ready_only_with_its_settings(start: Start, backend: Service, tmp_path: Path) -> None:
    frontend = start_frontend(start, backend.url, backend.url, tmp_path).ready()

    (tmp_path / "settings.json").unlink()

    status, body = frontend.health("ready")
    assert (status, body["status"]) == (503, "not ready")
    assert "ConfigMap" in body["reason"]
    assert frontend.health("live")[0] == 200


@pytest.mark.skipif(shutil.which("node") is None, reason="no node: the image's build stage has one")
async def test_the_image_build_refuses_a_module_that_does_not_parse(tmp_path: Path) -> None:
    async def build() -> int:
        command = ("node", str(tmp_path / "frontend" / "build.mjs"))
        process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
        return await process.wait()

    shutil.copytree(SERVICES / "frontend", tmp_path / "frontend")
    assert await build() == 0
    built = sorted(file.name for file in (tmp_path / "frontend" / "dist").iterdir())
    assert built == sorted(file.name for file in (SERVICES / "frontend" / "src").iterdir())

    (tmp_path / "frontend" / "src" / "app.js").write_text("import { from")
    assert await build() != 0
