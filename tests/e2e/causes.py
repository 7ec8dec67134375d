"""A stack whose one service fails for a reason, deployed by the real command while the real console looks at it."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from console.bootstrap import Composition
from console.cli.session import Wanted
from console.engine.service import Engine
from console.model.redaction import Redactor
from console.settings import Settings
from console.tui.app import ConsoleApp
from tests.cluster import Cluster, said_goodbye
from tests.e2e.command import PATIENCE, Stack
from tests.tui.terminal import UNICODE, Terminal

DATABASE = {"database": {"kind": "postgres", "secret": {"name": "db", "key": "DATABASE_URL"}}}
"""The externals of a stack that uses a database."""
WITHIN = 4.0
"""Seconds from the cluster's knowing to the screen: the aim is one, on a machine that does nothing else."""


@dataclass(frozen=True)
class Ground:
    """Where it is deployed.

    Attributes:
        kubeconfig: of the cluster, for the test's own eyes.
        target: the target of the stack.
        registry: the address of a registry that the cluster pulls from.
        image: one with Python and a shell, which the test's containers run.
    """

    kubeconfig: Path
    target: dict[str, Any]
    registry: str
    image: str = "busybox"

    def adapted(self, body: dict[str, Any]) -> dict[str, Any]:
        """An object with this place's image and registry."""
        text = json.dumps(body).replace('"image": "busybox"', f'"image": "{self.image}"')
        return dict(json.loads(text.replace("REGISTRY", self.registry)))


@dataclass(frozen=True)
class Ended:
    """How a deploy ended.

    Attributes:
        code: its exit code.
        document: the JSON of stdout.
        told: the text of stderr.
        kept: the evidence, by the file's name.
    """

    code: int
    document: dict[str, Any]
    told: str
    kept: dict[str, str]


class Patient:
    """A stack with one service, web, that is about to fail."""

    def __init__(self, stack: Stack, ground: Ground) -> None:
        self.stack = stack
        self._ground = ground
        self._state = Path(stack.environment["STACK_CONSOLE_STATE"])
        self._told, self._news = "", asyncio.Event()
        self.cluster = Cluster(ground.kubeconfig, stack.name)

    def write(self, deployment: dict[str, Any], *others: dict[str, Any], timeout: str = "60s", **more: Any) -> None:
        """Writes the stack's files; `others` are more objects of the service, `more` more of the stack."""
        name = self.stack.name
        after = [
            name for name in ("first", "database") if name in (*more.get("services", ()), *more.get("externals", ()))
        ]
        service = {"manifests": ["web.yaml"], "timeout": timeout, "after": after}
        stack = {"apiVersion": "stack-console/v1", "name": name, "namespace": name, "default_target": "here"}
        stack |= {"targets": {"here": self._ground.target}, **more}
        stack["services"] = {"web": service, **more.get("services", {})}
        self.put("stack.yaml", stack)
        self.put("web.yaml", {"apiVersion": "apps/v1", "kind": "Deployment", **deployment}, *others)

    def put(self, file: str, *bodies: dict[str, Any]) -> None:
        """Writes one of the stack's files."""
        (self.stack.folder / file).write_text(yaml.safe_dump_all(map(self._ground.adapted, bodies)))

    def external(self, name: str) -> Path:
        """Where an external of our own keeps its data."""
        return Settings(state=self._state).externals("sandbox") / self.stack.name / "here" / name

    async def deploy(self, *options: str) -> Ended:
        """The real command, to its end."""
        line = self.stack.command("deploy", "{}", "--headless", "--output", "json", *options)
        pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
        where = {"env": self.stack.environment, "cwd": self.stack.folder}
        process = await asyncio.create_subprocess_exec(*line, **where, **pipes)
        assert process.stdout
        assert process.stderr
        try:
            async with asyncio.timeout(PATIENCE):
                out, told = await asyncio.gather(process.stdout.read(), self._listen(process.stderr))
                code = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        document = json.loads(out)
        return Ended(code, document, told, self._evidence(document))

    async def _listen(self, stderr: asyncio.StreamReader) -> str:
        self._told = ""
        async for text in stderr:
            self._told += text.decode()
            self._news.set()
        return self._told

    async def says(self, words: str) -> None:
        """Waits until the deploy that goes on has told it."""
        async with asyncio.timeout(PATIENCE):
            while words not in self._told:
                self._news.clear()
                await self._news.wait()

    def _evidence(self, document: dict[str, Any]) -> dict[str, str]:
        folder = self._state / "runs" / document["run"]["run_id"] / "evidence"
        return {name: (folder / name).read_text() for name in document["verdict"]["evidence"]}

    async def known(self, resource: str, words: str) -> float:
        """Waits until the cluster itself says so, on a watch of the test's own; the moment."""

        def look() -> float:
            for change in self.cluster.watch(resource, timeout=30):
                if words in json.dumps(change["object"]):
                    return time.monotonic()
            raise AssertionError(f"no {resource} with {words}: {self.cluster.list(resource)}")

        return await asyncio.to_thread(look)

    @asynccontextmanager
    async def console(self, *, plan: bool = False) -> AsyncIterator[Terminal]:
        """The console on this stack, on a large terminal."""
        composition = Composition(Settings(state=self._state, kubeconfig=self._ground.kubeconfig), Redactor())

        async def connect(stack: str | None, tell: Any) -> Engine:
            return await composition.connect(Wanted(stack, None), tell)

        app = ConsoleApp(connect, stack=str(self.stack.folder), environ=UNICODE, plan=plan)
        try:
            async with app.run_test(size=(200, 60), notifications=True) as pilot:
                yield Terminal(app, pilot)
        finally:
            await app.close_engine()
            await said_goodbye(self.cluster.server)


class Gate:
    """Something in a pod that waits for a word of the test: an init container, or the container itself."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        port = self._listener.getsockname()[1]
        self.wait = f"import socket; socket.create_connection(('127.0.0.1', {port})).recv(1)"
        self.init = {"name": "gate", "image": "busybox", "command": ["python", "-c", self.wait]}

    async def reached(self) -> None:
        """Waits until the pod waits here."""
        self._pod, _ = await asyncio.to_thread(self._listener.accept)

    def open(self) -> None:
        """Lets the pod go on."""
        self._pod.sendall(b".")
        self.close()

    def close(self) -> None:
        """Leaves."""
        self._listener.close()
        if hasattr(self, "_pod"):
            self._pod.close()
