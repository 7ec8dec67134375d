"""Services, what stands behind them, and the ways in: endpoints, proxies, Ingresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster import Cluster, Object, Refused, ready
from tests.conformance.api import refused
from tests.conformance.pods import FOREVER, Image
from tests.conformance.streams import run

OWNER = "kubernetes.io/service-name"


def service(cluster: Cluster, name: str = "web", **spec: Any) -> Object:
    whole = {"selector": {"app": "pod"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}], **spec}
    body = {key: value for key, value in whole.items() if value is not None}
    return cluster.create("services", {"metadata": {"name": name}, "spec": body})


def endpoints_until(cluster: Cluster, true: Callable[[list[Object]], Any], name: str = "web") -> Object:
    """The EndpointSlice of a Service, once something is true of its endpoints."""
    for change in cluster.watch("endpointslices", labels=f"{OWNER}={name}"):
        found: Object = change["object"]
        if change["type"] != "DELETED" and true(found.get("endpoints") or []):
            return found
    raise AssertionError("the endpoints did not get where they should")


def conditions(endpoints: list[Object]) -> list[tuple[bool, bool, bool]]:
    """Of each endpoint: whether it is ready, serving, terminating."""
    names = ("ready", "serving", "terminating")
    return [tuple(bool(each["conditions"].get(name)) for name in names) for each in endpoints]  # type: ignore[misc]


def test_an_address_that_is_taken_is_refused(cluster: Cluster) -> None:
    address = service(cluster)["spec"]["clusterIP"]
    status = refused(422, "Invalid", service, cluster, "other", clusterIP=address)
    [cause] = status["details"]["causes"]
    assert cause["field"] == "spec.clusterIPs"
    assert "provided IP is already allocated" in cause["message"]


def test_an_address_is_free_again_after_its_service(cluster: Cluster) -> None:
    address = service(cluster)["spec"]["clusterIP"]
    cluster.delete("services", "web")
    assert service(cluster, "other", clusterIP=address)["spec"]["clusterIPs"] == [address]


def test_a_service_may_have_no_address(cluster: Cluster) -> None:
    assert service(cluster, clusterIP="None")["spec"]["clusterIPs"] == ["None"]


def test_a_service_may_be_a_name_elsewhere(cluster: Cluster) -> None:
    made = service(cluster, type="ExternalName", externalName="db.example", selector=None, ports=None)
    assert "clusterIP" not in made["spec"]


@pytest.mark.not_embedded("it has no node ports: nothing listens on a node's address")
def test_a_node_port_is_given_and_kept(cluster: Cluster) -> None:
    made = service(cluster, type="NodePort")
    port = made["spec"]["ports"][0]["nodePort"]
    assert 30000 <= port <= 32767
    assert made["spec"]["externalTrafficPolicy"] == "Cluster"
    changed = cluster.patch("services", "web", {"metadata": {"labels": {"a": "b"}}})
    assert changed["spec"]["ports"][0]["nodePort"] == port


def test_endpoints_name_the_port_of_each_pod(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.server())
    service(cluster, ports=[{"name": "web", "port": 80, "targetPort": "http"}])
    found = endpoints_until(cluster, lambda each: conditions(each) == [(True, True, False)])
    pod = cluster.get("pods", "pod")
    assert [(each["name"], each["port"], each["protocol"]) for each in found["ports"]] == [("web", 8080, "TCP")]
    [endpoint] = found["endpoints"]
    assert endpoint["addresses"] == [pod["status"]["podIP"]]
    assert (endpoint["nodeName"], endpoint["targetRef"]["uid"]) == (pod["spec"]["nodeName"], pod["metadata"]["uid"])
    assert found["addressType"] == "IPv4"
    assert found["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] == "endpointslice-controller.k8s.io"


def test_endpoints_in_their_old_form_are_there_too(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.server())
    service(cluster)
    found = cluster.until("endpoints", "web", lambda each: (each.get("subsets") or [{}])[0].get("addresses"))
    [subset] = found["subsets"]
    assert [each["ip"] for each in subset["addresses"]] == [cluster.get("pods", "pod")["status"]["podIP"]]
    assert [(each["name"], each["port"]) for each in subset["ports"]] == [("http", 8080)]


def test_a_pod_that_is_not_ready_is_an_endpoint_that_is_not(cluster: Cluster, image: Image) -> None:
    probe = {"exec": {"command": ["/bin/sh", "-c", "test -e /work/ready"]}, "periodSeconds": 1, "failureThreshold": 1}
    cluster.create("pods", image.server(readinessProbe=probe))
    service(cluster)
    endpoints_until(cluster, lambda each: conditions(each) == [(False, False, False)])
    cluster.until("pods", "pod", lambda each: (each["status"].get("containerStatuses") or [{}])[0].get("started"))
    run(cluster, "pod", "touch /work/ready")
    endpoints_until(cluster, lambda each: conditions(each) == [(True, True, False)])
    run(cluster, "pod", "rm /work/ready")
    endpoints_until(cluster, lambda each: conditions(each) == [(False, False, False)])


def test_a_pod_that_ends_serves_but_is_not_ready(cluster: Cluster, image: Image) -> None:
    script = "trap 'sleep 3; exit 0' TERM; while true; do sleep 0.1; done"
    cluster.create("pods", image.pod(script, spec={"terminationGracePeriodSeconds": 20}))
    service(cluster)
    endpoints_until(cluster, lambda each: conditions(each) == [(True, True, False)])
    cluster.delete("pods", "pod")
    endpoints_until(cluster, lambda each: conditions(each) == [(False, True, True)])
    endpoints_until(cluster, lambda each: not each)


def test_pods_that_are_not_ready_may_be_published(cluster: Cluster, image: Image) -> None:
    probe = {"exec": {"command": ["/bin/sh", "-c", "exit 1"]}, "periodSeconds": 1}
    cluster.create("pods", image.pod(readinessProbe=probe))
    service(cluster, publishNotReadyAddresses=True)
    endpoints_until(cluster, lambda each: [one[0] for one in conditions(each)] == [True])


def test_endpoints_follow_the_selector(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.pod(name="one"))
    cluster.create("pods", image.pod(name="two"))
    service(cluster, selector={"app": "one"})

    def names(endpoints: list[Object]) -> list[str]:
        return [each["targetRef"]["name"] for each in endpoints]

    endpoints_until(cluster, lambda each: names(each) == ["one"])
    cluster.patch("services", "web", {"spec": {"selector": {"app": "two"}}})
    endpoints_until(cluster, lambda each: names(each) == ["two"])


def test_endpoints_go_with_their_service(cluster: Cluster) -> None:
    service(cluster)
    name = endpoints_until(cluster, lambda each: True)["metadata"]["name"]
    cluster.delete("services", "web")
    cluster.until_gone("endpointslices", name)


def test_a_service_without_a_selector_has_the_endpoints_it_is_given(cluster: Cluster) -> None:
    service(cluster, selector=None)
    body = {
        "metadata": {"name": "web-own", "labels": {OWNER: "web"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["192.0.2.1"]}],
        "ports": [{"name": "http", "port": 8080}],
    }
    cluster.create("endpointslices", body)
    assert [each["metadata"]["name"] for each in cluster.list("endpointslices", f"{OWNER}=web")] == ["web-own"]


def test_the_cluster_itself_is_a_service(target: Cluster) -> None:
    everywhere = Cluster(target.kubeconfig, "default", target.patience)
    found = everywhere.get("services", "kubernetes")
    assert (found["spec"]["type"], [each["name"] for each in found["spec"]["ports"]]) == ("ClusterIP", ["https"])


# -- proxies


def fetched(cluster: Cluster, path: str) -> Any:
    """What a proxy answers; a server that has just started is asked again."""
    while True:
        try:
            return cluster.request("GET", path)
        except Refused as error:
            if error.status["code"] not in (502, 503):
                raise


@pytest.fixture
def server(cluster: Cluster, image: Image) -> str:
    probe = {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
    cluster.create("pods", image.server(readinessProbe=probe))
    cluster.until("pods", "pod", ready)
    run(cluster, "pod", "echo hello > /work/file")
    return "pod"


def test_a_pod_is_asked_through_the_server(cluster: Cluster, server: str) -> None:
    base = cluster.path("pods", f"{server}:8080")
    assert fetched(cluster, f"{base}/proxy/file") == "hello\n"
    with pytest.raises(Refused) as caught:
        cluster.request("GET", f"{base}/proxy/missing")
    assert caught.value.status["code"] == 404


def test_a_service_is_asked_through_the_server(cluster: Cluster, server: str) -> None:
    service(cluster)
    endpoints_until(cluster, lambda each: conditions(each) == [(True, True, False)])
    for name in ("web:http", "web:80"):
        assert fetched(cluster, f"{cluster.path('services', name)}/proxy/file") == "hello\n"
    path = f"{cluster.path('services', 'web:other')}/proxy/file"
    status = refused(503, "ServiceUnavailable", cluster.request, "GET", path)
    assert status["message"] == 'no endpoints available for service "web:other"'


def test_a_service_that_nobody_is_behind_is_not_available(cluster: Cluster) -> None:
    service(cluster, selector={"app": "nobody"})
    endpoints_until(cluster, lambda each: True)
    path = f"{cluster.path('services', 'web:http')}/proxy/"
    status = refused(503, "ServiceUnavailable", cluster.request, "GET", path)
    assert status["message"] == 'no endpoints available for service "web"'


# -- Ingresses


def ingress(**spec: Any) -> Object:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    rule = {"host": "a.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    return {"metadata": {"name": "web"}, "spec": {"rules": [rule], **spec}}


def test_an_ingress_is_kept_as_it_is_said(cluster: Cluster) -> None:
    made = cluster.create("ingresses", ingress(ingressClassName="acme"))
    assert made["spec"] == ingress(ingressClassName="acme")["spec"]
    assert made["status"] == {"loadBalancer": {}}
    assert made["metadata"]["generation"] == 1


def test_an_ingress_of_a_class_that_is_not_there_is_taken(cluster: Cluster) -> None:
    assert cluster.create("ingresses", ingress(ingressClassName="nobody"))["spec"]["ingressClassName"] == "nobody"


def test_a_backend_has_a_port_by_number_or_name(cluster: Cluster) -> None:
    body = ingress(defaultBackend={"service": {"name": "web", "port": {"number": 80, "name": "http"}}})
    status = refused(422, "Invalid", cluster.create, "ingresses", body)
    assert "cannot set both port name & port number" in status["message"]


def test_pods_answer_each_other_by_the_services_address(cluster: Cluster, image: Image, server: str) -> None:
    address = service(cluster)["spec"]["clusterIP"]
    endpoints_until(cluster, lambda each: conditions(each) == [(True, True, False)])
    program = (
        f"import urllib.request as u; print(u.urlopen('http://{address}/file', timeout=5).read().decode(), end='')"
    )
    fetch = f'python3 -c "{program}" || wget -T 5 -qO- http://{address}/file'
    cluster.create("pods", image.pod(FOREVER, "client"))
    cluster.until("pods", "client", ready)
    code, output, error = run(cluster, "client", f"for each in 1 2 3 4 5 6 7 8 9; do {fetch} && exit 0; done; exit 1")
    assert (code, output) == (0, "hello\n"), error
