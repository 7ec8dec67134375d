"""Pods that the cluster would refuse are told before anything is built; nothing is left of the trial."""

from __future__ import annotations

import yaml

from console.adapters.kubernetes.connection import open_cluster
from console.engine.gather import gather
from console.engine.preflight import check
from tests.engine.conftest import leave
from tests.engine.planning_world import world_of
from tests.people import person
from tests.stacks import deployment, make_service, make_stack, together


async def rows(stack, world, *names):
    found = await check(await gather(stack, world), world)
    return [(row.name, row.ok, row.detail) for row in found if row.name in names]


def stack_of(namespace, *texts, **more):
    return make_stack([make_service("web", together(*texts), namespace)], namespace=namespace, **more)


async def test_what_a_limit_range_does_not_allow_is_told_of_the_workload(outside, namespace, cluster):
    limits = [{"type": "Container", "max": {"memory": "64Mi"}, "default": {"memory": "32Mi"}}]
    cluster.create("limitranges", {"metadata": {"name": "small"}, "spec": {"limits": limits}})
    stack = stack_of(namespace, deployment("web", resources={"limits": {"memory": "1Gi"}}))
    ((name, ok, detail),) = await rows(stack, outside, "pods", "pod security")
    assert (name, ok) == ("pods", False)
    assert detail.startswith("deployment/web: its pods would be refused: maximum memory usage per Container is 64Mi")
    assert cluster.list("pods") == []
    assert await rows(stack_of(namespace, deployment("web")), outside, "pods", "pod security") == []


async def test_what_the_plan_brings_itself_is_not_missed(outside, namespace):
    account = yaml.safe_dump({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}})
    stack = stack_of(namespace, account, deployment("web"))
    workload = next(each for each in stack.manifests if each.ref.kind == "Deployment")
    workload.body["spec"]["template"]["spec"]["serviceAccountName"] = "robot"
    assert await rows(stack, outside, "pods", "serviceaccount/robot") == []


async def test_the_level_of_a_namespace_that_the_plan_makes_is_judged_by_the_rules(outside, namespace):
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    new = f"{namespace}-new"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": new, "labels": labels}}
    stack = make_stack([make_service("web", deployment("web"), new)], namespace=new, shared=yaml.safe_dump(body))
    ((name, ok, detail),) = await rows(stack, outside, "pods", "pod security")
    assert (name, ok) == ("pod security", False)
    assert detail.startswith("deployment/web: not restricted: container web must set securityContext.allowPriv")
    secured = {"allowPrivilegeEscalation": False, "runAsNonRoot": True, "capabilities": {"drop": ["ALL"]}}
    text = deployment("web", securityContext={**secured, "seccompProfile": {"type": "RuntimeDefault"}})
    stack = make_stack([make_service("web", text, new)], namespace=new, shared=yaml.safe_dump(body))
    assert await rows(stack, outside, "pods", "pod security") == [
        ("pod security", True, f"all pods keep to restricted, which {new} enforces")
    ]


async def test_who_may_not_try_pods_out_is_judged_by_the_rules_and_told_so(namespace, cluster, tmp_path):
    limits = [{"type": "Container", "max": {"memory": "64Mi"}}]
    cluster.create("limitranges", {"metadata": {"name": "small"}, "spec": {"limits": limits}})
    labels = {"pod-security.kubernetes.io/enforce": "baseline"}
    cluster.patch("namespaces", namespace, {"metadata": {"labels": labels}})
    client = await open_cluster([person(cluster, tmp_path, "reader", "reader")], "reader")
    theirs = world_of(client, tmp_path)
    stack = stack_of(namespace, deployment("web", ports=[{"containerPort": 80, "hostPort": 80}]))
    assert await rows(stack, theirs, "pods", "pod security") == [
        ("pod security", False, "deployment/web: not baseline: container web must not use hostPort 80"),
        ("pods", None, f"whether the cluster takes them is not known: not allowed to create pods in {namespace}"),
    ]
    await leave(client)
    await theirs.registry.close()
    await theirs.journal.close()


async def test_a_level_that_the_cluster_does_not_enforce_is_still_told(outside, namespace, cluster):
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.patch("namespaces", namespace, {"metadata": {"labels": labels}})
    ((name, ok, detail),) = await rows(stack_of(namespace, deployment("web")), outside, "pods", "pod security")
    assert (name, ok) == ("pod security", None)
    assert detail.endswith("; this cluster takes it")
