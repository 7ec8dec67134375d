"""The composition root: the front end comes first, and is handed the way to an engine. Here alone adapters are picked.

Nothing heavy is imported before it is needed: `--version` answers at once, the console paints before it connects.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.cli.main import main as command_line
from console.cli.session import Wanted

if TYPE_CHECKING:
    from console.adapters.sandbox import SandboxStatus
    from console.engine.ports import Cluster, ImageBuilder, Registry, SecretValues
    from console.engine.service import Engine
    from console.model.redaction import Redactor
    from console.model.stack import Target
    from console.settings import Settings

REFERENCE_STACK = "todo"
_SANDBOX_CONTEXT = "sandbox"


def main(argv: Sequence[str]) -> int:
    """Runs the command line, which opens the console where it should; the exit code."""
    return command_line(argv, Composition)


class Composition:
    """Puts an engine together from the settings; the `Outside` of the command line."""

    def __init__(self, settings: Settings, redactor: Redactor) -> None:
        self._settings = settings
        self._redactor = redactor

    async def connect(self, wanted: Wanted, tell: Callable[[str], None]) -> Engine:
        """An engine for a stack on a target, not started yet; `tell` gets a line about what takes long.

        Raises:
            UsageError: there is no such stack, target or context, or the stack's files are wrong.
            UnreachableError: the embedded cluster is down, and may not be started.
            PreflightError: the embedded cluster cannot be started, or credentials cannot be had.
        """
        import asyncio

        from console.adapters.stackfiles import EnvironmentSecrets, load_stack

        file = await asyncio.to_thread(self._find, wanted.stack)
        stack = await asyncio.to_thread(load_stack, file, wanted.target)
        secrets = EnvironmentSecrets(stack.file, os.environ)
        cluster, builder, registry = await self._reach(stack.target, secrets, wanted.start, tell)
        # The embedded cluster brings its context along; from here on every target has one.
        stack = replace(stack, target=replace(stack.target, context=cluster.context))

        from console.adapters.externals import StackExternals
        from console.adapters.journal import SqliteJournal
        from console.adapters.visitor import HttpVisitor
        from console.engine.ports import World
        from console.engine.service import Engine

        externals = self._settings.externals(stack.target.kind) / stack.name / stack.target.name
        world = World(
            cluster=cluster,
            builder=builder,
            registry=registry,
            externals=StackExternals(externals, self._settings.external_host),
            journal=SqliteJournal(self._settings.journal),
            secrets=secrets,
            redactor=self._redactor,
            clock=time.time,
            visitor=HttpVisitor(),
        )
        return Engine(stack, world, self._settings.runs)

    def _find(self, name: str | None) -> Path:
        """The stack's file; the reference stack is known everywhere by its name."""
        from console.adapters.stackfiles import find_stack
        from console.model.errors import UsageError

        try:
            return find_stack(name, Path.cwd())
        except UsageError:
            if name != REFERENCE_STACK:
                raise
            return self.reference_stack()

    async def _reach(
        self, target: Target, secrets: SecretValues, start: bool, tell: Callable[[str], None]
    ) -> tuple[Cluster, ImageBuilder, Registry]:
        """What a target's kind stands for: the cluster, who builds for it, and the registry it pulls from."""
        if target.kind == "sandbox":
            return await self._reach_sandbox(start, tell)
        from console.adapters.kubernetes.kubeconfig import kubeconfig_files

        files = kubeconfig_files(os.environ, self._settings.kubeconfig)
        cluster = await self._cluster(files, target.context)
        return cluster, *self._docker(target, secrets)

    def _docker(self, target: Target, secrets: SecretValues) -> tuple[ImageBuilder, Registry]:
        """Who builds container images, and the registry that they are pushed to; without one, nothing can be built."""
        if not target.registry:
            from console.adapters.images.absent import NoBuilder, NoRegistry

            hint = f"add `registry: HOST[/PATH]` to targets.{target.name} in stack.yaml"
            return NoBuilder(target.name, "it names no registry to push to", hint), NoRegistry(target.name)
        from console.adapters.images.credentials import DockerCredentials
        from console.adapters.images.docker.builder import DockerBuilder
        from console.adapters.images.docker.engine import DockerEngine
        from console.adapters.images.docker.push import DockerRegistry
        from console.adapters.images.docker.secrets import BuildSecrets

        engine, credentials = DockerEngine(os.environ), DockerCredentials(os.environ)
        registry = DockerRegistry(target.registry, engine, credentials)
        build_secrets = BuildSecrets(secrets.lookup, self._redactor.add)
        hashes = self._settings.hashes
        builder = DockerBuilder(engine, registry.reference, credentials, build_secrets, hashes, os.environ)
        return builder, registry

    async def _reach_sandbox(self, start: bool, tell: Callable[[str], None]) -> tuple[Cluster, ImageBuilder, Registry]:
        from console.adapters.images.bundles import BundleBuilder
        from console.adapters.images.registry import OciRegistry

        status = await self._running_sandbox(start, tell)
        builder = BundleBuilder(self._settings.images, self._settings.hashes, os.environ)
        cluster = await self._cluster([Path(status.kubeconfig)], _SANDBOX_CONTEXT)
        return cluster, builder, OciRegistry(status.registry)

    async def _running_sandbox(self, start: bool, tell: Callable[[str], None]) -> SandboxStatus:
        from console.adapters import sandbox
        from console.model.errors import UnreachableError

        status = await sandbox.status(self._settings.sandbox)
        if status.running:
            return status
        if not start or self._settings.read_only:
            raise UnreachableError("the embedded cluster is down", hint="start it: stack-console sandbox up")
        tell("the embedded cluster is down: starting it")
        return await self._start_sandbox()

    async def _start_sandbox(self, options: Sequence[str] = ()) -> SandboxStatus:
        """Starts the cluster, and before it the externals that its pods use."""
        from console.adapters import sandbox
        from console.adapters.externals import resume_all

        await resume_all(self._settings.externals("sandbox"), self._settings.external_host)
        return await sandbox.up(self._settings.sandbox, options)

    async def _cluster(self, files: Sequence[Path], context: str) -> Cluster:
        from console.adapters.kubernetes.connection import open_cluster

        return await open_cluster(files, context, read_only=self._settings.read_only)

    async def sandbox(self, action: str, options: Sequence[str]) -> dict[str, Any]:
        """Starts, asks, ends or removes the embedded cluster and the externals of its stacks; its status."""
        import msgspec

        from console.adapters import sandbox
        from console.adapters.externals import withdraw_all

        state, externals = self._settings.sandbox, self._settings.externals("sandbox")
        if action == "up":
            return dict(msgspec.to_builtins(await self._start_sandbox(options)))
        if action == "down":
            await sandbox.down(state)
            await withdraw_all(externals)
        if action == "reset":
            await sandbox.reset(state)
            await withdraw_all(externals, remove=True)
        return dict(msgspec.to_builtins(await sandbox.status(state)))

    def reference_stack(self) -> Path:
        """The stack that comes with the console: in its source tree, or where the wheel put it."""
        from console.model.errors import UsageError

        homes = (Path(__file__).parents[1], Path(__file__).parent / "reference")
        for home in homes:
            if (file := home / "stacks" / REFERENCE_STACK / "stack.yaml").is_file():
                return file
        where = ", ".join(map(str, homes))
        raise UsageError("the reference stack is not there", where=where, hint="install stack-console again")

    def values_text(self, values: Mapping[str, str]) -> str:
        """Values of a ConfigMap as YAML to be edited."""
        from console.adapters.stackfiles.valuefile import values_text

        return values_text(values)

    def read_values(self, text: str) -> dict[str, str]:
        """The values in such a text. Raises UsageError with line and column."""
        from console.adapters.stackfiles.valuefile import read_values

        return read_values(text)

    def with_value(
        self, text: str, line: int, path: tuple[str, ...], was: str | float | bool, now: str | float | bool
    ) -> str | None:
        """The text of a file of manifests with another value; None where the value is not written there."""
        from console.adapters.stackfiles.writing import with_value

        return with_value(text, line, path, was, now)

    def open_console(self, wanted: Wanted, *, plan: bool) -> int:
        """Runs the console on this terminal; the exit code."""
        from console.tui.start import run_console

        def connect(stack: str | None, tell: Callable[[str], None]) -> Awaitable[Engine]:
            return self.connect(replace(wanted, stack=stack), tell)

        return run_console(connect, stack=wanted.stack, target=wanted.target, find_stacks=_stacks_here, plan=plan)


def _stacks_here() -> list[tuple[str, str]]:
    """The stacks below the working directory, by name and file."""
    from console.adapters.stackfiles import find_stacks

    return [(file.parent.name, str(file)) for file in find_stacks(Path.cwd())]
