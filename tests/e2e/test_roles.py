"""With a user who may not do everything: the roles of `k8s/rbac`, as docs/kubernetes-targets.md hands them out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.e2e.causes import Ground, Patient
from tests.e2e.command import Stack
from tests.people import person
from tests.workloads import SERVER, python, web

KINDS = "deployments replicasets pods configmaps services secrets leases".split()  # noqa: SIM905
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"ANSWER": "200"}}
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}
SERVICE["spec"] = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8000}]}
AUTOSCALER = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}}
AUTOSCALER["spec"] = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}
AUTOSCALER["spec"] |= {"minReplicas": 1, "maxReplicas": 2}
BUDGET = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"}}
BUDGET["spec"] = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}

As = Callable[..., Patient]


@pytest.fixture
def acting(tmp_path: Path, environment: dict[str, str], patient: Patient, ground: Ground) -> As:
    """Somebody's view of the stack: the same files and state, another kubeconfig."""
    cluster = Cluster(ground.kubeconfig, patient.stack.name)
    cluster.create("namespaces", {"metadata": {"name": patient.stack.name}})

    def acting(name: str, *roles: str) -> Patient:
        file = person(cluster, tmp_path, name, *roles)
        target = {"kind": "kubernetes", "context": name}
        stack = Stack(patient.stack.name, patient.stack.folder, environment | {"STACK_CONSOLE_KUBECONFIG": str(file)})
        made = Patient(stack, Ground(file, target, ground.registry))
        probe = {"httpGet": {"path": "/", "port": 8000}, "periodSeconds": 10}
        serving = python(SERVER, envFrom=[{"configMapRef": {"name": "settings"}}], readinessProbe=probe)
        made.write(web(serving), CONFIG, SERVICE, AUTOSCALER, BUDGET)
        return made

    return acting


def versions(cluster: Cluster) -> dict[tuple[str, str], str]:
    """The resourceVersion of every object in the namespace that anybody might have changed."""
    found = ((kind, each["metadata"]) for kind in KINDS for each in cluster.list(kind))
    return {(kind, meta["name"]): meta["resourceVersion"] for kind, meta in found}


def status(patient: Patient) -> Any:
    done = patient.stack.run("status", "{}", "--output", "json")
    assert done.returncode in {0, 14}, done.stderr
    return json.loads(done.stdout)


async def test_who_may_only_look_sees_what_is_denied_and_a_deploy_changes_nothing(acting, patient):
    operator = acting("operator", "reader", "operator")
    assert (await operator.deploy()).code == 0
    reader = acting("reader", "reader")
    shown = status(reader)
    assert shown["ready"] is True
    denied = {name: each["detail"] for name, each in shown["health"].items() if each["freshness"] == "denied"}
    assert denied == {"probes": "get nodes/proxy", "releases": f"list secrets in {reader.stack.name}"}
    told = reader.stack.run("status", "{}").stdout
    assert "probes: denied, get nodes/proxy (probes by status and events)" in told

    before = versions(patient.cluster)
    reader.write(web(python(SERVER, env=[{"name": "ANSWER", "value": "200"}], command=["sleep", "1"])))
    ended = await reader.deploy()
    assert ended.code == 10, ended.told
    failed = {check["detail"] for check in ended.document["run"]["plan"]["checks"] if check["ok"] is False}
    namespace = reader.stack.name
    assert f"not allowed to patch deployments.apps in {namespace}" in failed
    assert f"not allowed to create leases.coordination.k8s.io in {namespace}" in failed
    assert "nothing was changed" in ended.told
    assert versions(patient.cluster) == before
    async with reader.console() as terminal:
        await terminal.shows("no get nodes/proxy: probes by status and events", "1 pod")


async def test_the_roles_of_an_operator_are_all_that_deploy_and_destroy_take(acting, patient):
    operator = acting("operator", "reader", "operator")
    ended = await operator.deploy()
    assert ended.code == 0, ended.told
    wanting = [each["detail"] for each in ended.document["run"]["plan"]["checks"] if each["ok"] is not True]
    assert wanting == []
    again = await operator.deploy()
    assert (again.code, again.document["verdict"]["headline"].endswith("nothing to do")) == (0, True)
    done = operator.stack.run("destroy", "{}", "--headless", "--yes")
    assert done.returncode == 0, done.stderr
    assert patient.cluster.find("deployments", "web") is None
    assert patient.cluster.list("leases") == []


async def test_a_context_that_is_pointed_elsewhere_under_the_console_is_refused(acting, patient, tmp_path):
    operator = acting("operator", "reader", "operator")
    file = tmp_path / "operator.yaml"
    async with operator.console() as terminal:
        await terminal.shows("live")
        file.write_text(file.read_text().replace(patient.cluster.server, "https://127.0.0.1:1"))
        await terminal.press("D")
        await terminal.shows("context 'operator' was changed since the console started", "and is https://127.0.0.1:1")
        await terminal.shows("start the console again")
    assert patient.cluster.find("deployments", "web") is None


@pytest.mark.soak
async def test_the_role_of_drills_is_all_that_they_take_besides_an_operators(acting):
    operator = acting("operator", "reader", "operator")
    assert (await operator.deploy()).code == 0
    words = ("drill", "run", "{}", "quota-used-up", "web", "--headless", "--yes")
    refused = operator.stack.run(*words)
    assert (refused.returncode, "not allowed to create resourcequotas" in refused.stderr) == (10, True)
    driller = acting("driller", "reader", "operator", "drills")
    done = driller.stack.run(*words)
    assert done.returncode == 0, done.stderr
    listed = {each["source"]["kind"]: each["reason"] for each in driller.stack.json("drill", "list", "{}")["drills"]}
    assert (listed["delete-pod"], listed["image-missing"], listed["config-key-lost"]) == ("", "", "")
    assert listed["drain"] == "nodes may not be listed"
