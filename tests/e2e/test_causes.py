"""Every cause, provoked for real: its exit code, its name in text, in JSON and on the screen, its evidence on disk."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from console.model.diagnosis import Cause
from tests.e2e.causes import WITHIN, Ended, Gate, Patient
from tests.workloads import http, python, serving, shell, web

BIND_TWICE = """
import os, socket
address = (os.environ["POD_IP"], 8000)
first = socket.create_server(address)
second = socket.socket()
second.bind(address)
"""
HUNGRY = "data = b'x' * (200 << 20); import time; time.sleep(60)"
LIMIT = {"resources": {"limits": {"memory": "32Mi"}}}
SICK = {"exec": {"command": ["sh", "-c", "echo the cache is cold; exit 1"]}, "periodSeconds": 1, "failureThreshold": 2}
STATUS = "HTTP probe failed with statuscode: 503"


@dataclass(frozen=True)
class Case:
    """A way to fail.

    Attributes:
        deployment: what is deployed.
        cause: what it is.
        words: what tells it, on every surface.
        sign: the resource by which the cluster knows, and what it says there.
        kept: what the evidence holds, by the end of the file's name.
        timeout: of the service; short where the cause is one that waiting may cure.
    """

    deployment: dict[str, Any]
    cause: Cause
    words: str
    sign: tuple[str, str]
    kept: dict[str, str] = field(default_factory=dict)
    timeout: str = "60s"

    @property
    def transient(self) -> bool:
        return self.timeout != "60s"


CASES = {
    "an image that is not there": Case(
        web({"image": "REGISTRY/nope:1"}),
        *(Cause.IMAGE_MISSING, "there is no image", ("pods", "ErrImagePull")),
        {"events.txt": "Failed to pull image"},
    ),
    "an image that cannot be pulled": Case(
        web({"image": "registry.invalid/nope:1"}),
        *(Cause.IMAGE_UNPULLABLE, "cannot be pulled just now", ("pods", "ErrImagePull")),
        {"events.txt": "registry.invalid"},
        "3s",
    ),
    "a crash loop": Case(
        web(shell("echo starting; echo MCP_URL is not set >&2; exit 3")),
        *(Cause.CRASH_LOOP, "exits with code 3, 3 times", ("pods", '"restartCount": 2')),
        {".log": "MCP_URL is not set", "diagnoses.txt": 'last words: "MCP_URL is not set"'},
    ),
    "a command that is not there": Case(
        web({"command": ["no-such-program"]}),
        *(Cause.COMMAND_NOT_FOUND, "no such command in its image", ("pods", "StartError")),
        {".pod.json": "executable file not found"},
    ),
    "a startup probe that fails": Case(
        web({"startupProbe": SICK}),
        *(Cause.STARTUP_PROBE, "its startup probe fails", ("events", "failed startup probe")),
        {"events.txt": "the cache is cold", "diagnoses.txt": "the cache is cold"},
    ),
    "a readiness probe that fails": Case(
        web(serving(503, readinessProbe=http(failureThreshold=1))),
        *(Cause.READINESS_PROBE, "its readiness probe fails", ("events", STATUS)),
        {"probes.txt": STATUS, "events.txt": STATUS},
        "4s",
    ),
    "a liveness probe that fails": Case(
        web({"livenessProbe": SICK}),
        *(Cause.LIVENESS_PROBE, "its liveness probe fails", ("events", "failed liveness probe")),
        {"events.txt": "the cache is cold", "diagnoses.txt": "the cache is cold"},
    ),
    "a port that nobody listens on": Case(
        web({"readinessProbe": http(port=8123, failureThreshold=1)}),
        *(Cause.PORT_NOT_LISTENED, "nothing listens on port 8123", ("events", "connection refused")),
        {"probes.txt": "connection refused"},
        "4s",
    ),
    "an address that is taken": Case(
        web(python(BIND_TWICE)),
        *(Cause.CANNOT_BIND, "cannot listen where it wants to", ("pods", '"exitCode": 1')),
        {".log": "Address already in use", "diagnoses.txt": "Address already in use"},
    ),
    "a pod that no node takes": Case(
        web({"resources": {"requests": {"cpu": "5000"}}}),
        *(Cause.UNSCHEDULABLE, "it asks for 5000 cpu", ("pods", "Unschedulable")),
        {".pod.json": "Insufficient cpu"},
    ),
    "more memory than the limit": Case(
        web({"command": ["python", "-c", HUNGRY], **LIMIT}),
        *(Cause.OUT_OF_MEMORY, "needs more memory than its limit", ("pods", "OOMKilled")),
        {".pod.json": "OOMKilled"},
    ),
    "a deadline that passes": Case(
        web({"readinessProbe": http(failureThreshold=600)}, deadline=2),
        *(Cause.DEADLINE, "made no progress within its deadline", ("deployments", "ProgressDeadlineExceeded")),
        {"diagnoses.txt": "has timed out progressing"},
    ),
}


async def follow(patient: Patient, cause: Cause, words: str, sign: tuple[str, str], *meanwhile: Any) -> Ended:
    """Deploys while the console looks on: it names the cause as soon as the cluster has it."""
    async with patient.console() as terminal, asyncio.TaskGroup() as tasks:
        await terminal.shows("nothing is known to be wrong")
        deploy = tasks.create_task(patient.deploy())
        for each in meanwhile:
            tasks.create_task(each)
        since = await patient.known(*sign)
        await terminal.shows(f"cause     {cause}", words)
        assert time.monotonic() - since < WITHIN
        ended = await deploy
        await terminal.shows(f"cause     {cause}", words)
    return ended


def assert_named(ended: Ended, cause: Cause, words: str, kept: dict[str, str]) -> None:
    """The cause is in the JSON, in the text and on disk."""
    first = ended.document["verdict"]["diagnoses"][0]
    assert (first["cause"], first["service"]) == (cause, "web"), ended.told
    assert words in first["summary"]
    assert any(words in line and line.endswith(f"[{cause}]") for line in ended.told.splitlines()), ended.told
    assert "evidence kept: " in ended.told
    for name, text in {"diagnoses.txt": f"[{cause}]", "diff.txt": "create deployment/web", **kept}.items():
        assert any(text in held for file, held in ended.kept.items() if file.endswith(name)), (name, ended.kept)


@pytest.mark.parametrize("name", CASES)
async def test_a_rollout_that_fails_says_why_on_every_surface(patient, name):
    case = CASES[name]
    patient.write(case.deployment, timeout=case.timeout)
    ended = await follow(patient, case.cause, case.words, case.sign)
    assert ended.code == 14, ended.told
    assert_named(ended, case.cause, case.words, case.kept)
    assert ended.document["verdict"]["diagnoses"][0]["terminal"] is not case.transient
    assert ended.document["verdict"]["release"] == 1
    if case.transient:
        assert "waiting for web-" in ended.told
        assert "is not ready after" in ended.document["verdict"]["headline"]


# -- what is there at preflight, and gone when a pod needs it


def configured(gate: Gate, **source: Any) -> dict[str, Any]:
    """A pod that gets as far as its init container, and reads its configuration afterwards."""
    reads = {"env": [{"name": "A", "valueFrom": source}]}
    return web(reads, initContainers=[gate.init])


@pytest.mark.parametrize(
    ("kind", "lost", "cause", "words"),
    [
        ("ConfigMap", {}, Cause.CONFIG_MISSING, "the ConfigMap settings is not there"),
        ("Secret", {}, Cause.SECRET_MISSING, "the Secret settings is not there"),
        ("Secret", {"data": {"A": None}}, Cause.KEY_MISSING, "the Secret settings has no key A"),
    ],
)
async def test_configuration_that_went_away_is_named_and_ends_the_wait(patient, gate, kind, lost, cause, words):
    resource, field = f"{kind.lower()}s", f"{kind[0].lower()}{kind[1:]}KeyRef"
    patient.cluster.create("namespaces", {"metadata": {"name": patient.stack.name}})
    patient.cluster.create(resource, {"metadata": {"name": "settings"}, "data": {"A": "MQ==", "B": "Mg=="}})
    patient.write(configured(gate, **{field: {"name": "settings", "key": "A"}}))

    async def lose() -> None:
        await gate.reached()
        if lost:
            await asyncio.to_thread(patient.cluster.patch, resource, "settings", lost)
        else:
            await asyncio.to_thread(patient.cluster.delete, resource, "settings")
        gate.open()

    ended = await follow(patient, cause, words, ("pods", "CreateContainerConfigError"), lose())
    assert ended.code == 14, ended.told
    assert_named(ended, cause, words, {".pod.json": "settings"})


async def test_a_quota_that_is_used_up_meanwhile_is_named_and_ends_the_wait(patient, gate):
    job = {"restartPolicy": "Never", "containers": [gate.init]}
    spec = {"template": {"spec": job}}
    patient.put("first.yaml", {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "first"}, "spec": spec})
    patient.write(web({}), services={"first": {"manifests": ["first.yaml"]}})

    async def fill() -> None:
        await gate.reached()
        quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
        await asyncio.to_thread(patient.cluster.create, "resourcequotas", quota)
        gate.open()

    words = "the quota none allows no more pods of it"
    ended = await follow(patient, Cause.QUOTA, words, ("deployments", "exceeded quota: none"), fill())
    assert ended.code == 14, ended.told
    assert_named(ended, Cause.QUOTA, words, {})
