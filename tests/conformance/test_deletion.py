"""The end of objects: finalizers, owners and what they own, and what is still allowed meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster import Cluster, Object
from tests.conformance.api import causes, config, deployment, refused

FINALIZER = "acme.example/first"


def owned_by(owner: Object, name: str, *finalizers: str, block: bool = True) -> Object:
    """A ConfigMap that belongs to another."""
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": owner["metadata"]["name"]}
    reference |= {"uid": owner["metadata"]["uid"], "blockOwnerDeletion": block, "controller": True}
    return {"metadata": {"name": name, "ownerReferences": [reference], "finalizers": list(finalizers)}}


def release(cluster: Cluster, name: str) -> None:
    cluster.patch("configmaps", name, {"metadata": {"finalizers": None}})


def test_an_object_that_ends_takes_no_more_finalizers(cluster: Cluster) -> None:
    body = config()
    body["metadata"]["finalizers"] = [FINALIZER]
    cluster.create("configmaps", body)
    cluster.delete("configmaps", "settings")
    more = {"metadata": {"finalizers": [FINALIZER, "acme.example/second"]}}
    status = refused(422, "Invalid", cluster.patch, "configmaps", "settings", more)
    assert causes(status) == {("metadata.finalizers", "FieldValueForbidden")}
    assert cluster.patch("configmaps", "settings", {"data": {"a": "1"}})["data"] == {"a": "1"}
    release(cluster, "settings")


def test_each_finalizer_is_waited_for(cluster: Cluster) -> None:
    body = config()
    body["metadata"]["finalizers"] = [FINALIZER, "acme.example/second"]
    cluster.create("configmaps", body)
    cluster.delete("configmaps", "settings")
    cluster.patch("configmaps", "settings", {"metadata": {"finalizers": [FINALIZER]}})
    assert cluster.find("configmaps", "settings")
    cluster.patch("configmaps", "settings", {"metadata": {"finalizers": []}})
    assert cluster.find("configmaps", "settings") is None


def test_the_moment_of_deletion_stays(cluster: Cluster) -> None:
    body = config()
    body["metadata"]["finalizers"] = [FINALIZER]
    cluster.create("configmaps", body)
    cluster.delete("configmaps", "settings")
    first = cluster.get("configmaps", "settings")["metadata"]["deletionTimestamp"]
    cluster.delete("configmaps", "settings")
    cluster.patch("configmaps", "settings", {"metadata": {"deletionTimestamp": None}})
    assert cluster.get("configmaps", "settings")["metadata"]["deletionTimestamp"] == first
    release(cluster, "settings")


def test_what_is_owned_goes_in_the_background(cluster: Cluster) -> None:
    owner = cluster.create("configmaps", config("owner"))
    cluster.create("configmaps", owned_by(owner, "part"))
    cluster.delete("configmaps", "owner")
    assert cluster.find("configmaps", "owner") is None
    cluster.until_gone("configmaps", "part")


def test_in_the_foreground_the_owner_waits_for_what_blocks_it(cluster: Cluster) -> None:
    owner = cluster.create("configmaps", config("owner"))
    cluster.create("configmaps", owned_by(owner, "part", FINALIZER))
    cluster.delete("configmaps", "owner", propagationPolicy="Foreground")
    cluster.until("configmaps", "part", lambda each: each["metadata"].get("deletionTimestamp"), "being asked to end")
    assert cluster.get("configmaps", "owner")["metadata"]["finalizers"] == ["foregroundDeletion"]
    release(cluster, "part")
    cluster.until_gone("configmaps", "owner")


def test_in_the_foreground_what_does_not_block_is_not_waited_for(cluster: Cluster) -> None:
    owner = cluster.create("configmaps", config("owner"))
    cluster.create("configmaps", owned_by(owner, "part", FINALIZER, block=False))
    cluster.delete("configmaps", "owner", propagationPolicy="Foreground")
    cluster.until_gone("configmaps", "owner")
    release(cluster, "part")
    cluster.until_gone("configmaps", "part")


def test_orphans_lose_their_owner_and_stay(cluster: Cluster) -> None:
    owner = cluster.create("configmaps", config("owner"))
    cluster.create("configmaps", owned_by(owner, "part"))
    cluster.delete("configmaps", "owner", propagationPolicy="Orphan")
    cluster.until_gone("configmaps", "owner")
    assert "ownerReferences" not in cluster.get("configmaps", "part")["metadata"]


def test_of_two_owners_one_is_enough(cluster: Cluster) -> None:
    owners = [cluster.create("configmaps", config(each)) for each in ("a", "b")]
    body = owned_by(owners[0], "part")
    second = {**body["metadata"]["ownerReferences"][0], "name": "b", "uid": owners[1]["metadata"]["uid"]}
    body["metadata"]["ownerReferences"].append({**second, "controller": False})
    cluster.create("configmaps", body)
    cluster.delete("configmaps", "a")
    left = cluster.until("configmaps", "part", lambda each: len(each["metadata"]["ownerReferences"]) == 1)
    assert left["metadata"]["ownerReferences"][0]["name"] == "b"
    cluster.delete("configmaps", "b")
    cluster.until_gone("configmaps", "part")


def test_an_owner_of_the_same_name_but_another_identity_is_none(cluster: Cluster) -> None:
    owner = cluster.create("configmaps", config("owner"))
    owner["metadata"]["uid"] = "22222222-2222-2222-2222-222222222222"
    cluster.create("configmaps", owned_by(owner, "part"))
    cluster.until_gone("configmaps", "part")


@pytest.mark.parametrize("policy", ["Nonsense", "background"])
def test_a_policy_that_is_not_known_is_refused(cluster: Cluster, policy: str) -> None:
    cluster.create("configmaps", config())
    refused(422, "Invalid", cluster.delete, "configmaps", "settings", propagationPolicy=policy)


def test_a_collection_goes_with_what_it_owns(cluster: Cluster) -> None:
    for name in ("a", "b"):
        owner = cluster.create("configmaps", config(name, {"mine": "yes"}))
        cluster.create("configmaps", owned_by(owner, f"part-{name}"))
    query: dict[str, Any] = {"labelSelector": "mine=yes"}
    answer = cluster.request("DELETE", cluster.path("configmaps", query=query))
    assert (answer["kind"], {each["metadata"]["name"] for each in answer["items"]}) == ("ConfigMapList", {"a", "b"})
    for name in ("part-a", "part-b"):
        cluster.until_gone("configmaps", name)


def test_a_workload_is_deleted_in_the_background_by_default(cluster: Cluster) -> None:
    cluster.create("deployments", deployment())
    cluster.until("deployments", "web", lambda each: each["status"].get("observedGeneration"))
    [replica_set] = cluster.list("replicasets")
    cluster.delete("deployments", "web")
    assert cluster.find("deployments", "web") is None
    cluster.until_gone("replicasets", replica_set["metadata"]["name"])
