"""Lists: selectors, pages, versions, and other forms of the same answer."""

from __future__ import annotations

from typing import Any

from tests.cluster import Cluster, Object
from tests.conformance.api import config, refused


def found(cluster: Cluster, resource: str = "configmaps", **query: Any) -> Object:
    answer: Object = cluster.request("GET", cluster.path(resource, query=query))
    return answer


def names(cluster: Cluster, resource: str = "configmaps", **query: Any) -> list[str]:
    return [each["metadata"]["name"] for each in found(cluster, resource, **query)["items"]]


def some(cluster: Cluster, count: int = 4) -> None:
    for number in range(count):
        cluster.create("configmaps", config(f"c{number}", {"mine": "yes", "number": str(number)}))


def test_a_list_is_named_after_its_kind_and_has_a_version(cluster: Cluster) -> None:
    some(cluster)
    listed = found(cluster)
    assert (listed["kind"], listed["apiVersion"]) == ("ConfigMapList", "v1")
    assert int(listed["metadata"]["resourceVersion"]) >= int(listed["items"][-1]["metadata"]["resourceVersion"])
    assert "kind" not in listed["items"][0]


def test_labels_are_compared_with_sets(cluster: Cluster) -> None:
    some(cluster)
    assert names(cluster, labelSelector="mine,number notin (0,1)") == ["c2", "c3"]
    assert names(cluster, labelSelector="mine,number in (0,3,9)") == ["c0", "c3"]
    assert names(cluster, labelSelector="mine==yes,number!=0,number") == ["c1", "c2", "c3"]
    assert names(cluster, labelSelector="number > 1") == ["c2", "c3"]


def test_a_label_selector_that_cannot_be_read_is_a_bad_request(cluster: Cluster) -> None:
    refused(400, "BadRequest", found, cluster, labelSelector="a in b")


def test_a_field_that_cannot_be_selected_by_is_a_bad_request(cluster: Cluster) -> None:
    status = refused(400, "BadRequest", found, cluster, fieldSelector="data.a=1")
    known = 'only "metadata.name", "metadata.namespace"'
    assert status["message"] == f'"data.a" is not a known field selector: {known}'


def test_fields_are_compared_for_difference_too(cluster: Cluster) -> None:
    some(cluster, 2)
    assert names(cluster, labelSelector="mine", fieldSelector="metadata.name!=c0") == ["c1"]
    assert names(cluster, fieldSelector=f"metadata.name=c0,metadata.namespace={cluster.namespace}") == ["c0"]


def test_secrets_and_events_are_selected_by_fields_of_their_own(cluster: Cluster) -> None:
    cluster.create("secrets", {"metadata": {"name": "a"}, "type": "acme.example/a"})
    cluster.create("secrets", {"metadata": {"name": "b"}})
    assert names(cluster, "secrets", fieldSelector="type=acme.example/a") == ["a"]
    reference = {"kind": "Pod", "name": "web", "namespace": cluster.namespace}
    for name, reason in (("one", "Started"), ("two", "Failed")):
        cluster.create("events", {"metadata": {"name": name}, "involvedObject": reference, "reason": reason})
    assert names(cluster, "events", fieldSelector="involvedObject.name=web,reason=Failed") == ["two"]
    assert names(cluster, "events", fieldSelector="involvedObject.kind=Node") == []


def test_pods_are_selected_by_node_and_phase(cluster: Cluster) -> None:
    spec = {"schedulerName": "nobody", "containers": [{"name": "main", "image": "acme/web:1"}]}
    cluster.create("pods", {"metadata": {"name": "pod"}, "spec": spec})
    assert names(cluster, "pods", fieldSelector="status.phase=Pending") == ["pod"]
    assert names(cluster, "pods", fieldSelector="status.phase!=Pending") == []
    assert names(cluster, "pods", fieldSelector="spec.nodeName=") == ["pod"]
    assert names(cluster, "pods", fieldSelector="spec.nodeName!=") == []


def test_a_page_tells_how_many_follow(cluster: Cluster) -> None:
    some(cluster)
    everything = len(names(cluster))
    page = found(cluster, limit=1)
    assert page["metadata"]["remainingItemCount"] == everything - 1
    last = found(cluster, limit=100)
    assert "continue" not in last["metadata"]
    assert "remainingItemCount" not in last["metadata"]


def test_a_page_that_cannot_be_continued_is_a_bad_request(cluster: Cluster) -> None:
    refused(400, "BadRequest", found, cluster, limit=1, **{"continue": "nonsense"})


def test_a_continued_page_has_the_version_of_the_first(cluster: Cluster) -> None:
    some(cluster)
    first = found(cluster, limit=2, labelSelector="mine")
    cluster.delete("configmaps", "c3")
    second = found(cluster, limit=2, labelSelector="mine", **{"continue": first["metadata"]["continue"]})
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert [each["metadata"]["name"] for each in second["items"]] == ["c2", "c3"]


def test_any_version_will_do_when_none_in_particular_is_asked_for(cluster: Cluster) -> None:
    some(cluster, 1)
    since = cluster.get("configmaps", "c0")["metadata"]["resourceVersion"]
    assert "c0" in names(cluster, resourceVersion=since)
    assert "c0" in names(cluster, resourceVersion=since, resourceVersionMatch="NotOlderThan")
    assert found(cluster, resourceVersion="0")["metadata"]["resourceVersion"] != "0"


def test_an_exact_version_is_the_state_of_then(cluster: Cluster) -> None:
    some(cluster, 1)
    then = cluster.create("configmaps", config("then"))["metadata"]["resourceVersion"]
    cluster.create("configmaps", config("later"))
    listed = found(cluster, resourceVersion=then, resourceVersionMatch="Exact")
    assert listed["metadata"]["resourceVersion"] == then
    assert {"then", "later"} & {each["metadata"]["name"] for each in listed["items"]} == {"then"}


def test_a_version_that_is_wrong_is_refused(cluster: Cluster) -> None:
    status = refused(422, "Invalid", found, cluster, resourceVersionMatch="Exact")
    assert "resourceVersionMatch is forbidden unless resourceVersion is provided" in status["message"]
    status = refused(400, "BadRequest", found, cluster, resourceVersion="then")
    assert "then" in status["message"]


def test_a_version_that_is_yet_to_come_is_not_waited_for_without_end(cluster: Cluster) -> None:
    future = int(found(cluster)["metadata"]["resourceVersion"]) + 1_000_000
    status = refused(504, "Timeout", found, cluster, resourceVersion=future)
    assert status["message"].startswith(f"Timeout: Too large resource version: {future}, current: ")
    assert status["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


def test_metadata_alone_can_be_asked_for(cluster: Cluster) -> None:
    some(cluster, 1)
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    listed = cluster.request("GET", cluster.path("configmaps", query={"labelSelector": "mine"}), accept=accept)
    assert (listed["kind"], listed["apiVersion"]) == ("PartialObjectMetadataList", "meta.k8s.io/v1")
    [only] = listed["items"]
    assert only["metadata"]["name"] == "c0"
    assert "data" not in only
    single = cluster.request("GET", cluster.path("configmaps", "c0"), accept=accept.replace("MetadataList", "Metadata"))
    assert (single["kind"], "data" in single) == ("PartialObjectMetadata", False)


def test_all_namespaces_are_listed_together(cluster: Cluster) -> None:
    some(cluster, 1)
    listed = cluster.request("GET", "/api/v1/configmaps?labelSelector=mine&fieldSelector=metadata.name%3Dc0")
    assert cluster.namespace in {each["metadata"]["namespace"] for each in listed["items"]}
