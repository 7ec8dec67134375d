"""Endpoints follow pods."""

from __future__ import annotations

from typing import Any

from tests.sandbox.controllers.conftest import Live, template


def conditions(slice_: dict[str, Any]) -> list[tuple[bool, bool, bool]]:
    """(ready, serving, terminating) of each endpoint."""
    found = [each["conditions"] for each in slice_["endpoints"]]
    return [(each["ready"], each["serving"], each["terminating"]) for each in found]


async def pod_behind_a_service(live: Live, **annotations: str) -> None:
    spec = template({}, **annotations)["spec"]
    spec["containers"][0]["ports"] = [{"name": "http", "containerPort": 8080}]
    live.create("services", "web", {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]})
    live.create("pods", "one", spec, labels={"app": "web"}, annotations=annotations)


async def test_a_ready_pod_is_an_endpoint_at_its_named_port(live: Live) -> None:
    await pod_behind_a_service(live)
    [slice_] = await live.until("endpointslices", lambda found: found and conditions(found[0]) == [(True, True, False)])
    pod = live.get("pods", "one")
    [endpoint] = slice_["endpoints"]
    assert endpoint["addresses"] == [pod["status"]["podIP"]]
    assert (endpoint["nodeName"], endpoint["targetRef"]["uid"]) == ("virtual-0", pod["metadata"]["uid"])
    assert slice_["ports"] == [{"name": "", "port": 8080, "protocol": "TCP"}]
    assert slice_["metadata"]["labels"]["kubernetes.io/service-name"] == "web"
    [older] = await live.until("endpoints", lambda found: found and found[0].get("subsets"))
    assert older["subsets"][0]["addresses"][0]["ip"] == pod["status"]["podIP"]


async def test_a_pod_that_is_not_ready_is_listed_and_not_used(live: Live) -> None:
    await pod_behind_a_service(live, **{"sandbox/ready-after": "1h"})
    await live.until("endpointslices", lambda found: found and conditions(found[0]) == [(False, False, False)])
    [older] = await live.until("endpoints", lambda found: found and found[0].get("subsets"))
    assert "addresses" not in older["subsets"][0]
    assert len(older["subsets"][0]["notReadyAddresses"]) == 1


async def test_a_closing_pod_still_serves_but_is_not_ready(live: Live) -> None:
    await pod_behind_a_service(live)
    await live.until("endpointslices", lambda found: found and conditions(found[0]) == [(True, True, False)])
    seen: list[list[tuple[bool, bool, bool]]] = []
    live.machinery.store.subscribe("endpointslices", lambda change: seen.append(conditions(change.object)))
    live.change("pods", "one", lambda obj: obj["metadata"].update(finalizers=["test/hold"]))
    live.machinery.delete("pods", "work", "one")
    await live.until("endpointslices", lambda found: conditions(found[0]) == [(False, True, True)])
    live.change("pods", "one", lambda obj: obj["metadata"].update(finalizers=[]))
    await live.until("endpointslices", lambda found: conditions(found[0]) == [])


async def test_slices_go_with_their_service(live: Live) -> None:
    await pod_behind_a_service(live)
    await live.until("endpointslices", lambda found: found)
    live.machinery.delete("services", "work", "web")
    await live.until("endpointslices", lambda found: not found)
    await live.until("endpoints", lambda found: not found)


async def test_many_endpoints_are_spread_over_slices_of_a_hundred(live: Live) -> None:
    live.create("services", "web", {"selector": {"app": "web"}, "ports": [{"port": 80}]})
    live.deployment(replicas=150)
    slices = await live.until(
        "endpointslices", lambda found: sum(conditions(each).count((True, True, False)) for each in found) == 150
    )
    assert sorted(len(each["endpoints"]) for each in slices) == [50, 100]
