"""What goes with what, and in which order; and the end of namespaces."""

from __future__ import annotations

from typing import Any

from tests.sandbox.controllers.conftest import Live, condition


async def test_dependents_go_in_the_background(live: Live) -> None:
    live.deployment(replicas=2)
    await live.settled()
    live.machinery.delete("deployments", "work", "web", propagation="Background")
    assert live.machinery.find("deployments", "work", "web") is None
    await live.until("replicasets", lambda found: not found)
    await live.until("pods", lambda found: not found)


async def test_in_the_foreground_the_owner_goes_last(live: Live) -> None:
    live.deployment(replicas=2)
    await live.settled()
    order: list[str] = []
    for resource in ("deployments", "replicasets", "pods"):
        live.machinery.store.subscribe(
            resource, lambda change: order.append(change.entry.key.resource) if change.type == "DELETED" else None
        )
    live.machinery.delete("deployments", "work", "web", propagation="Foreground")
    marked = live.get("deployments", "web")
    assert marked["metadata"]["finalizers"] == ["foregroundDeletion"]
    await live.until("deployments", lambda found: not found)
    assert order == ["pods", "pods", "replicasets", "deployments"]


async def test_orphans_stay_without_their_owner(live: Live) -> None:
    live.deployment(replicas=2)
    await live.settled()
    live.machinery.delete("deployments", "work", "web", propagation="Orphan")
    await live.until("deployments", lambda found: not found)
    [replica_set] = live.list("replicasets")
    assert "ownerReferences" not in replica_set["metadata"]
    assert len(live.list("pods")) == 2


async def test_an_object_with_several_owners_stays_while_one_is_there(live: Live) -> None:
    owners = [live.machinery.create("configmaps", {"metadata": {"name": name, "namespace": "work"}}) for name in "ab"]
    references = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": each["metadata"]["name"], "uid": each["metadata"]["uid"]}
        for each in owners
    ]
    metadata = {"name": "kept", "namespace": "work", "ownerReferences": references}
    live.machinery.create("secrets", {"metadata": metadata})
    live.machinery.delete("configmaps", "work", "a")
    await live.until_one("secrets", "kept", lambda each: each["metadata"]["ownerReferences"] == references[1:])
    live.machinery.delete("configmaps", "work", "b")
    await live.until("secrets", lambda found: not found)


async def test_an_owner_that_never_was_is_like_one_that_is_gone(live: Live) -> None:
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "nobody"}
    metadata = {"name": "lost", "namespace": "work", "ownerReferences": [reference]}
    live.machinery.create("secrets", {"metadata": metadata})
    await live.until("secrets", lambda found: not found)


async def test_a_namespace_is_emptied_before_it_goes(live: Live) -> None:
    live.deployment(replicas=2)
    await live.settled()
    live.machinery.create(
        "configmaps", {"metadata": {"name": "held", "namespace": "work", "finalizers": ["test/hold"]}}
    )
    live.machinery.delete("namespaces", "", "work")
    remains = "Some resources are remaining: configmaps. has 1 resource instances"
    namespace = await live.until_one("namespaces", "work", lambda each: _remaining(each) == remains)
    assert namespace["status"]["phase"] == "Terminating"
    assert condition(namespace, "NamespaceFinalizersRemaining")["message"] == (
        "Some content in the namespace has finalizers remaining: test/hold in 1 resource instances"
    )
    assert live.list("pods") == live.list("deployments") == live.list("events") == []
    live.change("configmaps", "held", lambda obj: obj["metadata"].update(finalizers=[]))
    await live.until("namespaces", lambda found: all(each["metadata"]["name"] != "work" for each in found))


def _remaining(namespace: dict[str, Any]) -> str:
    message: str = condition(namespace, "NamespaceContentRemaining").get("message", "")
    return message


async def test_a_namespace_gets_back_what_every_namespace_has(live: Live) -> None:
    live.machinery.delete("serviceaccounts", "work", "default")
    live.machinery.delete("configmaps", "work", "kube-root-ca.crt")
    await live.until("serviceaccounts", lambda found: [each["metadata"]["name"] for each in found] == ["default"])
    [root] = await live.until("configmaps", lambda found: found)
    assert root["data"] == {"ca.crt": "PEM"}
