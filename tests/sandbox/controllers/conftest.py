"""The controllers alone, in this process, over a store in memory; pods live on a virtual node."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from ipaddress import IPv4Network
from typing import Any

import pytest

from console.sandbox import virtual
from console.sandbox.api import bootstrap
from console.sandbox.api.machinery import Machinery
from console.sandbox.api.ports import NodeAgent
from console.sandbox.api.resources import Object
from console.sandbox.controllers.all import controllers
from console.sandbox.controllers.pods import PodCache
from console.sandbox.network.addresses import AddressPool
from console.sandbox.store import Store
from console.sandbox.virtual import VirtualNodes

NAMESPACE = "work"


class Live:
    """A cluster that works, and ways to wait for what it does."""

    def __init__(self, machinery: Machinery, agents: dict[str, NodeAgent]) -> None:
        self.machinery = machinery
        self.agents = agents

    def create(self, resource: str, name: str, spec: Object, **metadata: Any) -> Object:
        """Creates an object of the test's namespace."""
        head = {"name": name, "namespace": NAMESPACE, **metadata}
        return self.machinery.create(resource, {"metadata": head, "spec": spec})

    def deployment(self, name: str = "web", replicas: int = 3, **spec: Any) -> Object:
        """Creates a Deployment of pods that run on virtual nodes."""
        labels = {"app": name}
        body = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template(labels)}
        return self.create("deployments", name, body | spec)

    def change(self, resource: str, name: str, change: Callable[[Object], None]) -> Object:
        """Changes an object in place."""
        return self.machinery.mutate(resource, NAMESPACE, name, change)

    def get(self, resource: str, name: str) -> Object:
        """An object as it is now."""
        return self.machinery.get(resource, NAMESPACE, name)

    def list(self, resource: str) -> list[Object]:
        """The objects of a kind in the test's namespace."""
        return self.machinery.list(resource, NAMESPACE)

    async def until(self, resource: str, true: Callable[[list[Object]], Any]) -> list[Object]:
        """Waits until something is true of all objects of a kind."""
        namespace = "" if resource in ("namespaces", "nodes") else NAMESPACE
        async with asyncio.timeout(10):
            with self.machinery.watch(resource, namespace) as watch:
                while not true(found := self.machinery.list(resource, namespace)):
                    await anext(watch)
        return found

    async def until_one(self, resource: str, name: str, true: Callable[[Object], Any]) -> Object:
        """Waits until something is true of one object."""
        found = await self.until(
            resource, lambda every: any(each["metadata"]["name"] == name and true(each) for each in every)
        )
        return next(each for each in found if each["metadata"]["name"] == name)

    async def settled(self, name: str = "web") -> Object:
        """Waits until a Deployment is rolled out."""
        return await self.until_one("deployments", name, complete)

    def events(self, reason: str) -> list[str]:
        """The messages of all Events with this reason, in their order."""
        found = [each for each in self.list("events") if each["reason"] == reason]
        return [each["message"] for each in sorted(found, key=lambda each: int(each["metadata"]["resourceVersion"]))]


def template(labels: dict[str, str], **annotations: str) -> Object:
    """A pod template for virtual nodes."""
    spec = {"tolerations": [{"key": virtual.MARK, "operator": "Exists"}], "containers": [container()]}
    return {"metadata": {"labels": labels, "annotations": annotations}, "spec": spec}


def container(**requests: str) -> Object:
    """A container with requests."""
    return {"name": "main", "image": "busybox", "resources": {"requests": requests} if requests else {}}


def set_image(image: str) -> Callable[[Object], None]:
    """The change that makes a rollout."""

    def change(obj: Object) -> None:
        obj["spec"]["template"]["spec"]["containers"][0]["image"] = image

    return change


def complete(deployment: Object) -> bool:
    """As `kubectl rollout status` has it."""
    status, wanted = deployment.get("status") or {}, deployment["spec"]["replicas"]
    counts = [status.get(each, 0) for each in ("updatedReplicas", "replicas", "availableReplicas")]
    return status.get("observedGeneration") == deployment["metadata"]["generation"] and counts == [wanted] * 3


def condition(obj: Object, type: str) -> Object:
    """A condition, empty when there is none."""
    found = (obj.get("status") or {}).get("conditions") or ()
    return next((each for each in found if each["type"] == type), {})


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    store = Store(":memory:")
    machinery = Machinery(store, service_network=IPv4Network("127.99.128.0/17"), root_certificate="PEM")
    bootstrap.furnish(machinery)
    machinery.create("namespaces", {"metadata": {"name": NAMESPACE}})
    machinery.create("nodes", virtual.node("virtual-0"))
    agents: dict[str, NodeAgent] = {}
    pods = PodCache(store)
    works = [each.run() for each in controllers(machinery, pods, agents, time_scale=0.001)]
    works.append(VirtualNodes(machinery, pods, AddressPool(IPv4Network("127.99.0.0/17"))).run())
    tasks = [asyncio.create_task(each) for each in works]
    yield Live(machinery, agents)
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    store.close()
    assert [each for each in ended if not isinstance(each, asyncio.CancelledError)] == []
