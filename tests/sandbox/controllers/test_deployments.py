"""Deployments as one operates them."""

from __future__ import annotations

from typing import Any

from tests.sandbox.controllers.conftest import Live, condition, container, set_image, template

ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
STUCK = {"sandbox/fail": "ImagePullBackOff"}


def sizes(live: Live) -> dict[str, int]:
    """Size by image."""
    return {
        each["spec"]["template"]["spec"]["containers"][0]["image"]: each["spec"]["replicas"]
        for each in live.list("replicasets")
    }


def annotation(obj: dict[str, Any], name: str) -> str | None:
    found: str | None = (obj["metadata"].get("annotations") or {}).get(f"deployment.kubernetes.io/{name}")
    return found


async def test_a_new_deployment_becomes_available(live: Live) -> None:
    live.deployment(replicas=3)
    deployment = await live.settled()
    assert condition(deployment, "Available")["reason"] == "MinimumReplicasAvailable"
    progressing = condition(deployment, "Progressing")
    [replica_set] = live.list("replicasets")
    name = replica_set["metadata"]["name"]
    assert (progressing["status"], progressing["reason"]) == ("True", "NewReplicaSetAvailable")
    assert progressing["message"] == f'ReplicaSet "{name}" has successfully progressed.'
    assert name == f"web-{replica_set['metadata']['labels']['pod-template-hash']}"
    assert annotation(deployment, "revision") == "1"
    assert live.events("ScalingReplicaSet") == [f"Scaled up replica set {name} from 0 to 3"]


async def test_an_update_stays_within_its_bounds_at_every_moment(live: Live) -> None:
    live.deployment(replicas=3, strategy=ROLLING)
    await live.settled()
    seen: list[tuple[int, int]] = []

    def count(_: object) -> None:
        pods = [each for each in live.list("pods") if not each["metadata"].get("deletionTimestamp")]
        seen.append((len(pods), sum(1 for each in pods if condition(each, "Ready").get("status") == "True")))

    live.machinery.store.subscribe("pods", count)
    live.change("deployments", "web", set_image("busybox:2"))
    await live.settled()
    assert max(total for total, _ in seen) == 4
    assert min(ready for _, ready in seen) == 3
    assert sizes(live) == {"busybox": 0, "busybox:2": 3}


async def test_undoing_brings_the_old_replica_set_back_as_a_new_revision(live: Live) -> None:
    live.deployment(replicas=1)
    await live.settled()
    live.change("deployments", "web", set_image("busybox:2"))
    await live.settled()
    live.change("deployments", "web", set_image("busybox"))
    deployment = await live.settled()
    assert sizes(live) == {"busybox": 1, "busybox:2": 0}
    assert annotation(deployment, "revision") == "3"
    newest = next(each for each in live.list("replicasets") if each["spec"]["replicas"])
    assert (annotation(newest, "revision"), annotation(newest, "revision-history")) == ("3", "1")


async def test_history_is_cut_to_its_limit(live: Live) -> None:
    live.deployment(replicas=1, revisionHistoryLimit=1)
    for index in range(2, 5):
        await live.settled()
        live.change("deployments", "web", set_image(f"busybox:{index}"))
    await live.settled()
    await live.until("replicasets", lambda found: len(found) == 2)
    assert sizes(live) == {"busybox:3": 0, "busybox:4": 1}


async def test_recreate_ends_all_old_pods_before_the_first_new_one(live: Live) -> None:
    live.deployment(replicas=2, strategy={"type": "Recreate"})
    await live.settled()
    images: list[set[str]] = []
    live.machinery.store.subscribe(
        "pods", lambda _: images.append({each["spec"]["containers"][0]["image"] for each in live.list("pods")})
    )
    live.change("deployments", "web", set_image("busybox:2"))
    await live.settled()
    assert {"busybox", "busybox:2"} not in images
    assert set() in images


async def test_a_paused_deployment_scales_but_does_not_roll(live: Live) -> None:
    live.deployment(replicas=2)
    await live.settled()

    def pause(obj: dict[str, Any]) -> None:
        obj["spec"] |= {"paused": True, "replicas": 3}
        set_image("busybox:2")(obj)

    live.change("deployments", "web", pause)
    paused = await live.until_one(
        "deployments", "web", lambda each: each.get("status", {}).get("availableReplicas") == 3
    )
    assert sizes(live) == {"busybox": 3}
    progressing = condition(paused, "Progressing")
    assert (progressing["status"], progressing["reason"]) == ("Unknown", "DeploymentPaused")
    live.change("deployments", "web", lambda obj: obj["spec"].update(paused=False))
    await live.settled()
    assert sizes(live) == {"busybox": 0, "busybox:2": 3}


async def test_scaling_in_the_middle_of_a_rollout_is_shared(live: Live) -> None:
    live.deployment(replicas=4, strategy={"rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}})
    await live.settled()
    broken = template({"app": "web"}, **STUCK) | {}
    broken["spec"]["containers"][0]["image"] = "broken"
    live.change("deployments", "web", lambda obj: obj["spec"].update(template=broken))
    await live.until("replicasets", lambda _: sizes(live) == {"busybox": 4, "broken": 2})
    live.change("deployments", "web", lambda obj: obj["spec"].update(replicas=10))
    await live.until("replicasets", lambda _: sizes(live) == {"busybox": 8, "broken": 4})


async def test_a_rollout_that_stands_still_is_declared_stuck_and_recovers(live: Live) -> None:
    live.deployment(replicas=1, progressDeadlineSeconds=1, template=template({"app": "web"}, **STUCK))
    stuck = await live.until_one(
        "deployments", "web", lambda each: condition(each, "Progressing").get("status") == "False"
    )
    progressing = condition(stuck, "Progressing")
    assert progressing["reason"] == "ProgressDeadlineExceeded"
    assert progressing["message"].endswith("has timed out progressing.")
    live.change("deployments", "web", lambda obj: obj["spec"].update(template=template({"app": "web"})))
    healed = await live.settled()
    assert condition(healed, "Progressing")["reason"] == "NewReplicaSetAvailable"


async def test_pods_count_as_available_only_after_min_ready_seconds(live: Live) -> None:
    live.deployment(replicas=1, minReadySeconds=1)
    ready = await live.until_one(
        "deployments", "web", lambda each: (each.get("status") or {}).get("readyReplicas") == 1
    )
    assert "availableReplicas" not in ready["status"]
    assert condition(ready, "Available")["status"] == "False"
    await live.settled()


async def test_a_refused_pod_shows_on_replica_set_and_deployment(live: Live) -> None:
    live.create("resourcequotas", "small", {"hard": {"pods": "1"}})
    live.deployment(replicas=2)
    refused = await live.until_one("deployments", "web", lambda each: condition(each, "ReplicaFailure"))
    failure = condition(refused, "ReplicaFailure")
    expected = "is forbidden: exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1"
    assert failure["reason"] == "FailedCreate"
    assert failure["message"].endswith(expected)
    assert live.events("FailedCreate")[0].startswith('Error creating: pods "web-')
    assert live.events("FailedCreate")[0].endswith(expected)
    tries = len(live.events("FailedCreate"))
    assert tries < 20, "it is tried again with a back-off"
    live.machinery.delete("resourcequotas", "work", "small")
    healed = await live.settled()
    assert condition(healed, "ReplicaFailure") == {}


async def test_a_replica_set_replaces_what_is_lost_and_lets_go_what_no_longer_matches(live: Live) -> None:
    live.deployment(replicas=2)
    await live.settled()
    lost, freed = (each["metadata"]["name"] for each in live.list("pods"))
    live.machinery.delete("pods", "work", lost)
    live.change("pods", freed, lambda obj: obj["metadata"]["labels"].update(app="debug"))
    pods = await live.until(
        "pods", lambda found: [_owned(each) for each in found].count(False) == 1 and len(found) == 3
    )
    assert [each["metadata"]["name"] for each in pods if not _owned(each)] == [freed]
    assert lost not in [each["metadata"]["name"] for each in pods]


async def test_a_pod_without_an_owner_that_matches_is_adopted(live: Live) -> None:
    labels = {"app": "web"}
    live.create("pods", "early", template(labels)["spec"], labels=labels)
    replica_set = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template(labels)}
    live.create("replicasets", "web", replica_set)
    await live.until_one("replicasets", "web", lambda each: (each.get("status") or {}).get("readyReplicas") == 1)
    [pod] = live.list("pods")
    assert pod["metadata"]["name"] == "early"
    assert pod["metadata"]["ownerReferences"][0]["name"] == "web"


def _owned(pod: dict[str, Any]) -> bool:
    return bool(pod["metadata"].get("ownerReferences"))


async def test_what_is_wanted_of_nodes_shows_when_nothing_fits(live: Live) -> None:
    live.deployment(replicas=1, template={**template({"app": "web"}), "spec": {"containers": [container(cpu="1")]}})
    [pod] = await live.until("pods", lambda found: found and condition(found[0], "PodScheduled"))
    scheduled = condition(pod, "PodScheduled")
    expected = (
        "0/1 nodes are available: 1 node(s) had untolerated taint {sandbox/virtual: true}. "
        "no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    )
    assert (scheduled["status"], scheduled["reason"], scheduled["message"]) == ("False", "Unschedulable", expected)
    assert live.events("FailedScheduling") == [expected]
    live.machinery.mutate("nodes", "", "virtual-0", lambda obj: obj["spec"].pop("taints"))
    await live.settled()
