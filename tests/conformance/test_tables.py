"""Tables: the columns and cells that the server makes for those who show lists to people."""

from __future__ import annotations

import pytest

from tests.cluster import Cluster, Object
from tests.conformance.api import config, deployment

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


def table(cluster: Cluster, resource: str, name: str = "", **query: str) -> Object:
    answer: Object = cluster.request("GET", cluster.path(resource, name, query=query), accept=TABLE)
    assert (answer["kind"], answer["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    return answer


def cells(answer: Object) -> dict[str, object]:
    """The first row's cells by their columns."""
    names = [each["name"] for each in answer["columnDefinitions"]]
    return dict(zip(names, answer["rows"][0]["cells"], strict=True))


@pytest.mark.parametrize(
    ("resource", "always", "wide"),
    [
        ("configmaps", "Name Data Age", ""),
        ("secrets", "Name Type Data Age", ""),
        ("pods", "Name Ready Status Restarts Age", "IP Node Nominated-Node Readiness-Gates"),
        ("services", "Name Type Cluster-IP External-IP Port(s) Age", "Selector"),
        ("deployments", "Name Ready Up-to-date Available Age", "Containers Images Selector"),
        ("replicasets", "Name Desired Current Ready Age", "Containers Images Selector"),
        ("statefulsets", "Name Ready Age", "Containers Images"),
        (
            "daemonsets",
            "Name Desired Current Ready Up-to-date Available Node-Selector Age",
            "Containers Images Selector",
        ),
        ("jobs", "Name Status Completions Duration Age", "Containers Images Selector"),
        ("ingresses", "Name Class Hosts Address Ports Age", ""),
        ("endpointslices", "Name AddressType Ports Endpoints Age", ""),
        ("horizontalpodautoscalers", "Name Reference Targets MinPods MaxPods Replicas Age", ""),
        ("poddisruptionbudgets", "Name Min-Available Max-Unavailable Allowed-Disruptions Age", ""),
        ("resourcequotas", "Name Request Limit Age", ""),
        ("leases", "Name Holder Age", ""),
        ("serviceaccounts", "Name Secrets Age", ""),
        ("namespaces", "Name Status Age", ""),
        (
            "nodes",
            "Name Status Roles Age Version",
            "Internal-IP External-IP OS-Image Kernel-Version Container-Runtime",
        ),
        (
            "events",
            "Last-Seen Type Reason Object Message",
            "Subobject Source First-Seen Count Name",
        ),
        ("roles", "Name Created-At", ""),
        ("rolebindings", "Name Role Age", "Users Groups ServiceAccounts"),
        ("controllerrevisions", "Name Controller Revision Age", ""),
        ("networkpolicies", "Name Pod-Selector Age", ""),
        ("limitranges", "Name Created-At", ""),
    ],
)
def test_every_kind_has_its_columns(cluster: Cluster, resource: str, always: str, wide: str) -> None:
    columns = table(cluster, resource)["columnDefinitions"]
    found = {0: [], 1: []}
    for each in columns:
        found[min(each["priority"], 1)].append(each["name"].replace(" ", "-"))
    assert (" ".join(found[0]), " ".join(found[1])) == (always, wide)
    assert {each["type"] for each in columns} <= {"string", "integer", "date"}


def test_a_row_carries_the_metadata_of_its_object(cluster: Cluster) -> None:
    made = cluster.create("configmaps", config(a="1"))
    [row] = table(cluster, "configmaps", fieldSelector="metadata.name=settings")["rows"]
    assert (row["object"]["kind"], row["object"]["metadata"]["uid"]) == (
        "PartialObjectMetadata",
        made["metadata"]["uid"],
    )
    assert "data" not in row["object"]


def test_a_row_carries_the_whole_object_or_none_when_asked_to(cluster: Cluster) -> None:
    cluster.create("configmaps", config(a="1"))
    [row] = table(cluster, "configmaps", "settings", includeObject="Object")["rows"]
    assert row["object"]["data"] == {"a": "1"}
    [row] = table(cluster, "configmaps", "settings", includeObject="None")["rows"]
    assert row.get("object") is None


def test_a_table_comes_in_pages(cluster: Cluster) -> None:
    for name in ("a", "b", "c"):
        cluster.create("configmaps", config(name, {"mine": "yes"}))
    page = table(cluster, "configmaps", labelSelector="mine", limit="2")
    assert [each["cells"][0] for each in page["rows"]] == ["a", "b"]
    rest = table(cluster, "configmaps", labelSelector="mine", **{"continue": page["metadata"]["continue"]})
    assert [each["cells"][0] for each in rest["rows"]] == ["c"]


def test_cells_of_a_deployment(cluster: Cluster) -> None:
    cluster.create("deployments", deployment())
    cluster.until("deployments", "web", lambda each: each["status"].get("observedGeneration"))
    found = cells(table(cluster, "deployments", "web"))
    assert [found[each] for each in ("Ready", "Up-to-date", "Available", "Containers", "Images", "Selector")] == [
        "0/0",
        0,
        0,
        "main",
        "acme/web:1",
        "app=web",
    ]


def test_cells_of_a_pod_that_waits(cluster: Cluster) -> None:
    spec = {"schedulerName": "nobody", "containers": [{"name": "main", "image": "acme/web:1"}]}
    cluster.create("pods", {"metadata": {"name": "pod"}, "spec": spec})
    found = cells(table(cluster, "pods", "pod"))
    assert [found[each] for each in ("Ready", "Status", "Restarts", "IP", "Node")] == [
        "0/1",
        "Pending",
        "0",
        "<none>",
        "<none>",
    ]


def test_cells_of_a_service(cluster: Cluster) -> None:
    ports = [{"name": "a", "port": 80}, {"name": "b", "port": 53, "protocol": "UDP"}]
    cluster.create("services", {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": ports}})
    found = cells(table(cluster, "services", "web"))
    assert [found[each] for each in ("Type", "External-IP", "Port(s)", "Selector")] == [
        "ClusterIP",
        "<none>",
        "80/TCP,53/UDP",
        "app=web",
    ]


def test_cells_of_an_ingress(cluster: Cluster) -> None:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    http = {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}
    rules = [{"host": each, "http": http} for each in ("a.example", "b.example")]
    spec = {"ingressClassName": "acme", "rules": rules, "tls": [{"hosts": ["a.example"], "secretName": "key"}]}
    cluster.create("ingresses", {"metadata": {"name": "web"}, "spec": spec})
    found = cells(table(cluster, "ingresses", "web"))
    assert [found[each] for each in ("Class", "Hosts", "Ports")] == ["acme", "a.example,b.example", "80, 443"]
