"""An engine's run from plan to verdict, in front of the sandbox; and stacks whose pods live by script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from console.engine.deploy import Runner, RunOptions
from console.engine.drills import Drills, undo_plan
from console.engine.gather import gather, gather_destroy, gathered_of
from console.engine.observe import Observer
from console.engine.operate import gather_operation, look_at_release, plan_operation
from console.engine.ports import World
from console.engine.preflight import check
from console.engine.store import Store
from console.engine.tasks import Tasks
from console.engine.undone import read_open
from console.model.drills.judging import DrillSource
from console.model.events import Fact
from console.model.gathered import Gathered
from console.model.operations import Operation
from console.model.plan import Plan
from console.model.planning import plan_deploy, plan_destroy
from console.model.run import Verdict
from console.model.stack import Stack


@dataclass
class Bench:
    """One console on one stack. `facts` are all that its store was told."""

    world: World
    tasks: Tasks
    logs: Path
    store: Store = field(init=False)
    stack: Stack = field(init=False)
    runner: Runner = field(init=False)
    facts: list[Fact] = field(default_factory=list)
    runs: int = 0

    def observe(self, stack: Stack) -> None:
        """Begins to observe the stack."""
        self.stack = stack
        externals = [(each.name, each.kind) for each in stack.externals]
        names = [service.name for service in stack.services]
        self.store = Store(stack.name, stack.target.name, stack.namespace, names, externals)
        self.store.subscribe(self.facts.append)
        self.runner = Runner(stack, self.world, self.store, self.logs)
        Observer(self.world, self.store, stack).start(self.tasks)

    def declare(self, stack: Stack) -> None:
        """Takes the stack as it was changed, for what comes."""
        self.stack = stack
        self.runner = Runner(stack, self.world, self.store, self.logs)

    async def plan(self) -> tuple[Plan, Gathered]:
        """A plan, as the engine makes it."""
        gathered = await gather(self.stack, self.world)
        gathered = replace(gathered, checks=await check(gathered, self.world))
        return plan_deploy(gathered, self.world.redactor.text), gathered

    async def run(self, made: tuple[Plan, Gathered], **options: object) -> Verdict:
        """Carries out a plan."""
        self.runs += 1
        told = RunOptions("stack-console deploy todo", **options)  # type: ignore[arg-type]
        return await self.runner.run(f"run-{self.runs}", *made, told)

    async def deploy(self, **options: object) -> Verdict:
        """Plans and carries out."""
        return await self.run(await self.plan(), **options)

    async def operate(self, operation: Operation, **options: object) -> Verdict:
        """Plans an operation and carries it out."""
        gathered = await gather_operation(self.stack, self.world, operation)
        return await self.run((plan_operation(gathered, operation, self.world), gathered), drift="keep", **options)

    async def drill(self, kind: str, service: str = "web", *, options: Mapping[str, str] = {}, **more: Any) -> Verdict:
        """Looks at the stack and runs a drill."""
        drills = Drills(self.stack, self.world, self.store)
        await drills.look()
        prepared = await drills.prepare(DrillSource(kind, service, tuple(options.items()), **more))
        self.runs += 1
        told = RunOptions("stack-console drill run todo", probe_load=0.0)
        return await self.runner.drill(f"run-{self.runs}", drills.plan(prepared), prepared, told)

    async def undo_drill(self) -> Verdict:
        """Ends the drill that was left open."""
        drill = await read_open(self.stack, self.world)
        assert drill is not None
        gathered = gathered_of(await look_at_release(self.stack, self.world), self.world, (), ())
        self.runs += 1
        plan = undo_plan(self.stack, self.world, gathered, drill)
        told = RunOptions("stack-console drill undo todo")
        return await self.runner.undo_drill(f"run-{self.runs}", plan, gathered, told)

    async def destroy(self) -> Verdict:
        """Plans to remove everything, and does."""
        gathered = await gather_destroy(self.stack, self.world)
        return await self.run((plan_destroy(gathered), gathered))

    def told(self, kind: type) -> list[Fact]:
        """All facts of a kind."""
        return [fact for fact in self.facts if isinstance(fact, kind)]


def virtual_deployment(name: str, replicas: int = 2, image: str = "busybox", **life: str) -> str:
    """A Deployment of virtual pods, as text; `life` are annotations of the sandbox without their prefix."""
    labels = {"app": name}
    meta = {"labels": labels, "annotations": {f"sandbox/{key.replace('_', '-')}": value for key, value in life.items()}}
    spec = {
        "tolerations": [{"operator": "Exists"}],
        "nodeSelector": {"type": "virtual"},
        "containers": [{"name": "main", "image": image, "readinessProbe": {"httpGet": {"path": "/", "port": 8000}}}],
    }
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": meta, "spec": spec},
        },
    }
    return yaml.safe_dump(body)
