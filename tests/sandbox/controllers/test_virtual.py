"""Virtual pods live as their annotations say."""

from __future__ import annotations

from typing import Any

from console.sandbox.virtual import CHURN
from tests.sandbox.controllers.conftest import Live, condition, template


def pod(live: Live, name: str = "one", **annotations: str) -> None:
    live.create(
        "pods", name, template({})["spec"], annotations={f"sandbox/{key}": each for key, each in annotations.items()}
    )


def container(found: dict[str, Any]) -> dict[str, Any]:
    status: dict[str, Any] = ((found.get("status") or {}).get("containerStatuses") or [{}])[0]
    return status


async def test_a_pod_is_ready_at_once_with_an_address_of_its_own(live: Live) -> None:
    pod(live)
    pod(live, "two")
    pods = await live.until(
        "pods", lambda found: all(condition(each, "Ready").get("status") == "True" for each in found)
    )
    assert len({each["status"]["podIP"] for each in pods}) == 2
    assert {each["status"]["phase"] for each in pods} == {"Running"}


async def test_a_pod_takes_its_time_to_get_ready(live: Live) -> None:
    pod(live, **{"ready-after": "50ms"})
    waiting = await live.until_one("pods", "one", lambda each: condition(each, "Ready"))
    assert condition(waiting, "Ready")["reason"] == "ContainersNotReady"
    assert container(waiting)["ready"] is False
    await live.until_one("pods", "one", lambda each: condition(each, "Ready")["status"] == "True")


async def test_a_pod_that_fails_says_why_and_is_never_ready(live: Live) -> None:
    pod(live, fail="CrashLoopBackOff")
    failing = await live.until_one("pods", "one", lambda each: container(each))
    assert container(failing)["state"] == {"waiting": {"reason": "CrashLoopBackOff"}}
    assert condition(failing, "Ready")["status"] == "False"


async def test_a_pod_restarts_again_and_again(live: Live) -> None:
    pod(live, **{"restart-every": "10ms", "unready-for": "10ms"})
    again = await live.until_one("pods", "one", lambda each: container(each).get("restartCount", 0) >= 2)
    assert container(again)["lastState"]["terminated"]["exitCode"] == 1


async def test_a_node_that_churns_does_so_until_it_is_told_to_stop(live: Live) -> None:
    live.deployment(replicas=10, template=template({"app": "web"}, **{"sandbox/unready-for": "10ms"}))
    await live.settled()
    live.machinery.mutate("nodes", "", "virtual-0", lambda obj: obj["metadata"]["annotations"].update({CHURN: "400"}))
    await live.until("pods", lambda found: sum(container(each)["restartCount"] for each in found) >= 10)
    live.machinery.mutate("nodes", "", "virtual-0", lambda obj: obj["metadata"]["annotations"].pop(CHURN))
    await live.settled()


async def test_deleted_pods_give_their_address_back(live: Live) -> None:
    pod(live)
    await live.until_one("pods", "one", lambda each: condition(each, "Ready").get("status") == "True")
    live.machinery.delete("pods", "work", "one", grace=30)
    await live.until("pods", lambda found: not found)
