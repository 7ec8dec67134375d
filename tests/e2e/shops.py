"""A stack that meets every criterion, and how it is made not to meet one."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.command import Stack

SHOP = Path(__file__).parent / "shop"
TOKEN = "correct/horse+battery-staple"


class _Store(http.server.BaseHTTPRequestHandler):
    records: dict[str, bytes]

    def do_GET(self) -> None:
        found = self.records.get(self.path)
        self._answer(404 if found is None else 200, found or b"")

    def do_PUT(self) -> None:
        self.records[self.path] = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(200)

    def do_DELETE(self) -> None:
        self._answer(404 if self.records.pop(self.path, None) is None else 200)

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *told: object) -> None:
        """Nothing is told."""


@contextmanager
def store() -> Iterator[tuple[str, dict[str, bytes]]]:
    """What stands in for a database: its address, and its records."""
    records: dict[str, bytes] = {}
    handler = type("Store", (_Store,), {"records": records})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", records
        finally:
            server.shutdown()
            thread.join()


def open_shop(name: str, folder: Path, environment: dict[str, str], address: str) -> Stack:
    """A copy of the stack under a name and namespace of its own; its records are at the address."""
    shutil.copytree(SHOP, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "image" / "notes").mkdir(parents=True)
    (folder / "image" / "notes" / "README").write_text("nothing to see\n")
    (folder / "shop.py").rename(folder / "image" / "shop.py")
    (folder / "image" / "Dockerfile").write_text("FROM python:3.11-slim\nCOPY . /\n")
    made = Stack(name, folder, {**environment, "API_TOKEN": TOKEN})
    made.edit("stack.yaml", "name: shop\nnamespace: shop\n", f"name: {name}\nnamespace: {name}\n")
    made.edit("stack.yaml", "/shop/records", f"/{name}/records")
    made.edit("shop.yaml", "kind: Namespace\nmetadata: {name: shop}", f"kind: Namespace\nmetadata: {{name: {name}}}")
    made.edit("shop.yaml", "path: /shop,", f"path: /{name},")
    made.edit("shop.yaml", "http://127.0.0.1:1", address)
    return made


def verified(stack: Stack, *words: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """A verification: how it ended, and its findings by check."""
    done = stack.run("verify", "{}", "--headless", "--output", "json", *words)
    report = json.loads(done.stdout)
    assert "report" in report, done.stderr
    return done, {each["id"]: each for each in report["report"]["findings"]}


def by_result(findings: dict[str, Any], result: str) -> set[str]:
    """The checks with a result."""
    return {name for name, each in findings.items() if each["result"] == result}
