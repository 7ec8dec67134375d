"""One rule per kind, the same for what is observed and for raw objects."""

import pytest

from console.model.readiness import readiness
from tests.observed import condition, workload


def stands(subject):
    found = readiness(subject)
    return found.done, found.ok


READY, WAITS, FAILED = (True, True), (False, False), (True, False)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, READY),
        ({"generation": 2}, WAITS),
        ({"updated": 1}, WAITS),
        ({"current": 3}, WAITS),
        ({"available": 1}, WAITS),
        ({"desired": 0, "updated": 0, "current": 0, "ready": 0, "available": 0}, READY),
        ({"available": 1, "conditions": (condition("Progressing", "False", "ProgressDeadlineExceeded"),)}, FAILED),
        ({"conditions": (condition("Progressing", "True", "NewReplicaSetAvailable"),)}, READY),
    ],
)
def test_a_deployment_is_ready_when_all_its_pods_are_new_and_available(change, expected):
    assert stands(workload(**change)) == expected


@pytest.mark.parametrize(
    ("kind", "change", "expected"),
    [
        ("StatefulSet", {}, READY),
        ("StatefulSet", {"ready": 1}, WAITS),
        ("StatefulSet", {"updated": 1}, WAITS),
        ("StatefulSet", {"generation": 5}, WAITS),
        ("DaemonSet", {}, READY),
        ("DaemonSet", {"available": 0}, WAITS),
        ("DaemonSet", {"updated": 0}, WAITS),
        ("ReplicaSet", {}, READY),
        ("ReplicaSet", {"available": 1}, WAITS),
        ("Job", {"available": 1}, WAITS),
        ("Job", {"conditions": (condition("Complete", "True"),)}, READY),
        ("Job", {"conditions": (condition("Failed", "True", "BackoffLimitExceeded"),)}, FAILED),
    ],
)
def test_other_workloads_have_rules_of_their_own(kind, change, expected):
    assert stands(workload(kind, **change)) == expected


def raw(kind, spec=None, status=None, **metadata):
    body = {"kind": kind, "metadata": {"name": "x", "generation": 1, **metadata}}
    return body | ({"spec": spec} if spec is not None else {}) | ({"status": status} if status is not None else {})


ALL = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (raw("Deployment", {"replicas": 2}, ALL), READY),
        (raw("Deployment", {"replicas": 3}, ALL), WAITS),
        (raw("Deployment", {}, {}), WAITS),
        (raw("StatefulSet", {"replicas": 2}, ALL), READY),
        (raw("ReplicaSet", {"replicas": 2}, ALL), READY),
        (
            raw("DaemonSet", {}, {"observedGeneration": 1, "desiredNumberScheduled": 1, "updatedNumberScheduled": 1}),
            WAITS,
        ),
        (raw("Job", {}, {"conditions": [{"type": "Complete", "status": "True"}]}), READY),
        (raw("Job", {}, {"active": 1}), WAITS),
        (raw("Pod", {}, {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}), READY),
        (raw("Pod", {}, {"phase": "Pending"}), WAITS),
        (raw("Pod", {}, {"phase": "Succeeded"}), READY),
        (raw("Pod", {}, {"phase": "Failed", "reason": "Evicted"}), FAILED),
        (raw("Service", {"clusterIP": "10.0.0.1"}), READY),
        (raw("Service", {"type": "LoadBalancer"}, {"loadBalancer": {}}), WAITS),
        (raw("Service", {"type": "LoadBalancer"}, {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}), READY),
        (raw("PersistentVolumeClaim", {}, {"phase": "Bound"}), READY),
        (raw("PersistentVolumeClaim", {}, {"phase": "Pending"}), WAITS),
        (raw("PersistentVolumeClaim", {}, {"phase": "Lost"}), FAILED),
        (raw("Ingress", {}), READY),
        (raw("HorizontalPodAutoscaler", {}), READY),
        (raw("ConfigMap"), READY),
        (raw("ConfigMap", deletionTimestamp="2026-11-24T00:00:00Z"), WAITS),
        (raw("Namespace", {}, {"phase": "Active"}), READY),
        (raw("Namespace", {}, {"phase": "Terminating"}), WAITS),
        (raw("CustomResourceDefinition", {}, {}), WAITS),
        (
            raw("CustomResourceDefinition", {}, {"conditions": [{"type": "Established", "status": "True"}]}),
            READY,
        ),
        (raw("Certificate", {}, {"conditions": [{"type": "Ready", "status": "False"}]}), WAITS),
        (raw("Certificate", {}, {"conditions": [{"type": "Stalled", "status": "True", "reason": "NoIssuer"}]}), FAILED),
        (raw("Certificate", {}), READY),
    ],
)
def test_a_raw_object_is_judged_by_its_kind(body, expected):
    assert stands(body) == expected


def test_the_reason_says_how_far_it_is():
    assert readiness(workload(available=1)).reason == "1 of 2 pods available"
    assert readiness(workload(updated=1, paused=True)).reason == "1 of 2 pods updated, and the rollout is paused"
    assert readiness(workload(generation=2)).reason == "its controller has not seen the change yet"
