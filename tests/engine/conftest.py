"""A console's engine in front of the sandbox: a client, a wire that can be cut, a world, and virtual workloads."""

import time
from dataclasses import replace

import pytest

from console.adapters.kubernetes.client import KubernetesCluster
from console.adapters.kubernetes.connection import open_transport
from console.engine.store import Store
from console.engine.tasks import Tasks
from tests.cluster import said_goodbye
from tests.engine.line import Line
from tests.engine.planning_world import world_of
from tests.weather import Weather


async def leave(client):
    """Closes a client and its last connection."""
    await client.close()
    await said_goodbye(client.server)


@pytest.fixture
async def line(sandbox):
    line = Line(sandbox.kubeconfig)
    await line.mend()
    yield line
    await line.cut()


@pytest.fixture
async def far_client(line, tmp_path):
    """A client whose wire can be cut."""
    client = KubernetesCluster(await open_transport([line.kubeconfig(tmp_path / "far")], "sandbox"), "sandbox")
    yield client
    await leave(client)


@pytest.fixture
async def near_client(sandbox):
    client = KubernetesCluster(await open_transport([sandbox.kubeconfig], "sandbox"), "sandbox")
    yield client
    await leave(client)


@pytest.fixture
async def weather(sandbox, near_client):
    """Bad weather before the sandbox; its connections end before those of the client beside it."""
    weather = Weather(sandbox.kubeconfig)
    await weather.open()
    yield weather
    await weather.close()


@pytest.fixture
def soon_found_out(monkeypatch):
    """A dead wire is found out in a sixth of the time."""
    monkeypatch.setattr("console.adapters.kubernetes.pulse.QUIET", 0.5)
    monkeypatch.setattr("console.adapters.kubernetes.transport.PATIENCE", 0.5)


@pytest.fixture
async def outside(near_client, tmp_path):
    """A world with the time of day."""
    world = replace(world_of(near_client, tmp_path), clock=time.time)
    yield world
    await world.registry.close()
    await world.journal.close()


@pytest.fixture
async def tasks():
    tasks = Tasks()
    yield tasks
    await tasks.close()


@pytest.fixture
def store(namespace):
    return Store("todo", "test", namespace, ["web"], [])


def virtual(name="web", replicas=2, service="web", **annotations):
    """A Deployment of virtual pods; annotations tell their lives."""
    labels = {"app": name}
    container = {"name": "main", "image": "busybox", "readinessProbe": {"httpGet": {"path": "/ready", "port": 8000}}}
    spec = {"tolerations": [{"operator": "Exists"}], "nodeSelector": {"type": "virtual"}, "containers": [container]}
    meta = {"labels": labels, "annotations": {f"sandbox/{key}": value for key, value in annotations.items()}}
    return {
        "metadata": {"name": name, "labels": {"stack-console/service": service}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": meta, "spec": spec},
        },
    }
