"""What preflight sees already: exit code 10, the reason on every surface, and nothing changed."""

from __future__ import annotations

import socket

import pytest

from console.model.diagnosis import Cause
from tests.e2e.causes import DATABASE, Patient
from tests.workloads import web

REFUSED = {
    "a ConfigMap": ({"configMapRef": {"name": "settings"}}, "configmap/settings", "it is not there"),
    "a Secret": ({"secretRef": {"name": "keys"}}, "secret/keys", "it is not there"),
}


async def refused(patient: Patient, name: str, words: str) -> None:
    """The deploy is refused before anything is changed, for a reason that every surface tells."""
    ended = await patient.deploy()
    assert ended.code == 10, ended.told
    failed = [check for check in ended.document["run"]["plan"]["checks"] if check["ok"] is False]
    assert any(name in check["name"] and words in check["detail"] and check["hint"] for check in failed), failed
    assert name in ended.told
    assert words in ended.told
    assert patient.cluster.find("deployments", "web") is None
    async with patient.console(plan=True) as terminal:
        await terminal.shows(name, words)


@pytest.mark.parametrize("what", REFUSED)
async def test_what_a_pod_reads_and_nobody_has_is_refused(patient, what):
    source, name, words = REFUSED[what]
    patient.write(web({"envFrom": [source]}))
    await refused(patient, name, words)


async def test_a_key_that_nobody_has_is_refused(patient):
    patient.cluster.create("namespaces", {"metadata": {"name": patient.stack.name}})
    patient.cluster.create("configmaps", {"metadata": {"name": "settings"}, "data": {"B": "2"}})
    reads = {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "A"}}}]}
    patient.write(web(reads))
    await refused(patient, "configmap/settings", "has no A")


async def test_a_plan_beyond_the_quota_is_refused(patient):
    patient.cluster.create("namespaces", {"metadata": {"name": patient.stack.name}})
    patient.cluster.create("resourcequotas", {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}})
    patient.write(web({}, replicas=2))
    await refused(patient, "quota", "few")


async def test_a_database_that_does_not_answer_is_refused(patient):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (patient.stack.folder / ".env").write_text(f"DATABASE_URL=postgresql://app:verysecret@127.0.0.1:{port}/todo\n")
    patient.write(web({}), externals=DATABASE)
    await refused(patient, "external database", "refuses connections")
    async with patient.console() as terminal:
        await terminal.shows(f"cause     {Cause.EXTERNAL_UNREACHABLE}", "the postgres database cannot be reached")


async def test_a_namespace_that_is_going_away_is_refused(patient):
    cluster, name = patient.cluster, patient.stack.name
    cluster.create("namespaces", {"metadata": {"name": name}})
    cluster.create("configmaps", {"metadata": {"name": "holds", "finalizers": ["test/holds"]}})
    cluster.delete("namespaces", name)
    patient.write(web({}))
    try:
        await refused(patient, "namespace", "is being removed")
    finally:
        cluster.patch("configmaps", "holds", {"metadata": {"finalizers": None}})
