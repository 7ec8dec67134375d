"""From the wire to the model: what each field of the model is made of."""

import msgspec
import pytest

from console.adapters.kubernetes import translate, wire
from console.model.stack import SERVICE_LABEL
from console.model.workload import ContainerState, ProbeKind

CREATED = "2026-11-24T10:00:00Z"
AT = 1795514400.0


def _pod(spec=None, status=None, **metadata):
    meta = {"uid": "u1", "name": "web-1", "namespace": "todo", "resourceVersion": "7", "creationTimestamp": CREATED}
    source = {"metadata": {**meta, **metadata}, "spec": spec or {}, "status": status or {}}
    return translate.pod(msgspec.json.decode(msgspec.json.encode(source), type=wire.Pod))


def _container(state=None, spec=None, **status):
    reported = [{"name": "web", "state": state or {}, **status}]
    pod = _pod({"containers": [{"name": "web", "image": "app:1", **(spec or {})}]}, {"containerStatuses": reported})
    return pod.containers[0]


def test_a_pod_that_was_just_created_has_nothing_but_its_declaration():
    pod = _pod({"containers": [{"name": "web", "image": "app:1"}]}, {"phase": "Pending"})
    (container,) = pod.containers
    assert (pod.uid, pod.name, pod.phase, pod.node, pod.ip, pod.created) == ("u1", "web-1", "Pending", "", "", AT)
    assert (container.state, container.reason, container.ready, container.started) == (
        *(ContainerState.WAITING, "", False, False),
    )
    assert not pod.ready


def test_its_owner_is_the_one_that_controls_it():
    owners = [
        {"kind": "Node", "name": "n", "uid": "x"},
        {"kind": "ReplicaSet", "name": "web-7c9f", "uid": "y", "controller": True},
    ]
    pod = _pod(ownerReferences=owners, labels={"pod-template-hash": "7c9f"})
    assert (pod.owner_kind, pod.owner_name, pod.revision) == ("ReplicaSet", "web-7c9f", "7c9f")


def test_a_pod_that_is_being_deleted_is_not_ready():
    conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": CREATED}]
    assert _pod(status={"conditions": conditions}).ready
    assert not _pod(status={"conditions": conditions}, deletionTimestamp=CREATED).ready


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"running": {"startedAt": CREATED}}, (ContainerState.RUNNING, "", "", AT)),
        (
            {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
            (ContainerState.WAITING, "CrashLoopBackOff", "back-off 40s", None),
        ),
        (
            {"terminated": {"exitCode": 1, "reason": "Error", "message": "boom", "finishedAt": CREATED}},
            (ContainerState.TERMINATED, "Error", "boom", AT),
        ),
    ],
)
def test_a_containers_state_is_one_of_three(state, expected):
    container = _container(state)
    assert (container.state, container.reason, container.message, container.since) == expected


def test_how_a_container_ended_last_time_is_kept():
    last = {
        "terminated": {"exitCode": 137, "reason": "OOMKilled", "signal": 9, "startedAt": CREATED, "finishedAt": None}
    }
    container = _container({"running": {}}, lastState=last, restartCount=3)
    assert container.restarts == 3
    assert container.ended is None
    assert (container.last.exit_code, container.last.reason, container.last.signal) == (137, "OOMKilled", 9)
    assert (container.last.started, container.last.finished) == (AT, None)


@pytest.mark.parametrize(
    ("probe", "action"),
    [
        ({"httpGet": {"port": 8000, "path": "/ready"}}, "GET :8000/ready"),
        ({"httpGet": {"port": "http", "path": "/ready"}}, "GET :8000/ready"),
        ({"httpGet": {"port": "http", "scheme": "HTTPS"}}, "GET https :8000/"),
        ({"tcpSocket": {"port": "http"}}, "tcp :8000"),
        ({"tcpSocket": {"port": "other"}}, "tcp :other"),
        ({"grpc": {"port": 9000}}, "grpc :9000"),
        ({"exec": {"command": ["pg_isready", "-q"]}}, "exec pg_isready -q"),
    ],
)
def test_a_probe_reads_like_what_it_does(probe, action):
    ports = [{"name": "http", "containerPort": 8000}]
    container = _container(spec={"ports": ports, "readinessProbe": probe})
    (spec,) = container.probes
    assert (spec.kind, spec.action, container.ports) == (ProbeKind.READINESS, action, (8000,))


def test_a_probes_timing_has_the_defaults_of_the_api():
    startup = {"tcpSocket": {"port": 1}, "periodSeconds": 2, "failureThreshold": 30}
    container = _container(spec={"startupProbe": startup, "livenessProbe": {"tcpSocket": {"port": 1}}})
    first, second = container.probes
    assert (first.period, first.timeout, first.failure_threshold, first.success_threshold) == (2.0, 1.0, 30, 1)
    assert (second.kind, second.period, second.failure_threshold) == (ProbeKind.LIVENESS, 10.0, 3)


def test_init_containers_come_first_and_are_marked():
    spec = {"initContainers": [{"name": "migrate"}], "containers": [{"name": "web"}]}
    status = {"initContainerStatuses": [{"name": "migrate", "state": {"running": {}}}]}
    assert [(each.name, each.init, each.state.value) for each in _pod(spec, status).containers] == [
        ("migrate", True, "running"),
        ("web", False, "waiting"),
    ]


def test_pods_of_one_template_share_what_is_declared():
    spec = {"containers": [{"name": "web", "image": "app:1", "livenessProbe": {"tcpSocket": {"port": 1}}}]}
    assert _pod(spec).containers[0].probes is _pod(spec).containers[0].probes


@pytest.mark.parametrize(
    ("kind", "spec", "status", "counts"),
    [
        (
            "Deployment",
            {"replicas": 3},
            {"replicas": 4, "updatedReplicas": 2, "readyReplicas": 3, "availableReplicas": 1},
            (3, 2, 4, 3, 1),
        ),
        ("Deployment", {}, {}, (1, 0, 0, 0, 0)),
        ("StatefulSet", {"replicas": 0}, {}, (0, 0, 0, 0, 0)),
        ("ReplicaSet", {"replicas": 2}, {"replicas": 2, "readyReplicas": 1}, (2, 2, 2, 1, 0)),
        (
            "DaemonSet",
            {},
            {"desiredNumberScheduled": 5, "updatedNumberScheduled": 4, "currentNumberScheduled": 3, "numberReady": 2},
            (5, 4, 3, 2, 0),
        ),
        ("Job", {"completions": 5, "parallelism": 2}, {"active": 2, "succeeded": 1, "ready": 1}, (5, 3, 2, 1, 1)),
        ("Job", {}, {}, (1, 0, 0, 0, 0)),
    ],
)
def test_a_workload_counts_its_pods_in_the_words_of_its_kind(kind, spec, status, counts):
    source = {"metadata": {"uid": "u", "name": "web"}, "spec": spec, "status": status}
    workload = translate.workload(kind, msgspec.convert(source, wire.Workload))
    assert (*(workload.desired, workload.updated, workload.current, workload.ready, workload.available),) == counts


def test_a_workload_names_its_service_and_revision():
    labels, annotations = {SERVICE_LABEL: "backend"}, {translate.REVISION: "4"}
    meta = {"uid": "u", "name": "web", "generation": 2, "labels": labels, "annotations": annotations}
    workload = translate.workload("Deployment", msgspec.convert({"metadata": meta}, wire.Workload))
    assert (workload.service, workload.revision, workload.generation, workload.observed_generation) == (
        "backend",
        "4",
        2,
        0,
    )


ABOUT = {"kind": "Pod", "name": "web-1", "uid": "p", "fieldPath": "spec.containers{web}"}


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        ({"count": 4, "firstTimestamp": CREATED, "lastTimestamp": "2026-11-24T10:01:00Z"}, (4, AT, AT + 60)),
        ({"eventTime": "2026-11-24T10:00:00.500000Z"}, (1, AT + 0.5, AT + 0.5)),
        (
            {"eventTime": CREATED, "series": {"count": 9, "lastObservedTime": "2026-11-24T10:02:00Z"}},
            (9, AT, AT + 120),
        ),
        ({}, (1, AT, AT)),
    ],
)
def test_an_event_is_counted_and_timed_in_either_way_of_recording(recorded, expected):
    meta = {"uid": "e", "name": "x", "creationTimestamp": CREATED}
    source = {"metadata": meta, "involvedObject": ABOUT, "reason": "Unhealthy", "type": "Warning", **recorded}
    event = translate.event(msgspec.json.decode(msgspec.json.encode(source), type=wire.Event))
    assert (event.count, event.first, event.last) == expected
    assert (event.about_uid, event.container, event.reason) == ("p", "web", "Unhealthy")
