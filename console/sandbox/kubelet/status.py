"""A pod's status, from what runs: pure.

Rules and words: `pkg/kubelet/kubelet_pods.go`, `pkg/kubelet/status/generate.go`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from console.sandbox.api import times
from console.sandbox.api.resources import Object
from console.sandbox.controllers.status import find, merge
from console.sandbox.kubelet.state import ContainerState

READY_TO_START = "PodReadyToStartContainers"
_OURS = ("Initialized", "Ready", "ContainersReady")


@dataclass(slots=True)
class PodState:
    """A pod as its worker has it.

    Attributes:
        failure: (reason, message) that fails the pod whatever its containers do, such as `DeadlineExceeded`.
        prepared: its address is taken and its volumes are mounted.
        final: nothing of it runs any more, and nothing will.
    """

    address: str
    host: str
    start_time: str
    inits: list[ContainerState]
    mains: list[ContainerState]
    failure: tuple[str, str] | None = None
    prepared: bool = False
    final: bool = False

    @classmethod
    def restore(cls, pod: Object, address: str, host: str) -> PodState:
        """As a status that was written before says; whether the containers still run has to be seen."""
        status = pod.get("status") or {}
        inits, mains = (
            [
                ContainerState.restore(spec, init, _named(status.get(field), spec["name"]))
                for spec in pod["spec"].get(kind) or ()
            ]
            for kind, field, init in (
                ("initContainers", "initContainerStatuses", True),
                ("containers", "containerStatuses", False),
            )
        )
        prepared = any(each.running for each in (*inits, *mains))
        return cls(address, host, status.get("startTime") or times.time(), inits, mains, prepared=prepared)

    @property
    def all(self) -> list[ContainerState]:
        """Every container, in the order of their start."""
        return [*self.inits, *self.mains]

    @property
    def initialized(self) -> bool:
        """The init containers are through: the plain ones succeeded, the sidecars have started."""
        return all(_through(each) for each in self.inits) or any(_has_run(each) for each in self.mains)


def _named(statuses: Iterable[Object] | None, name: str) -> Object | None:
    return next((each for each in statuses or () if each["name"] == name), None)


def _through(state: ContainerState) -> bool:
    return state.started if state.sidecar else bool(state.ended and state.ended.code == 0)


def _has_run(state: ContainerState) -> bool:
    return bool(state.running or state.ended or state.last)


def pod_status(pod: Object, state: PodState) -> Object:
    """The whole status; what others have written into the old one (conditions of theirs) stays."""
    old = pod.get("status") or {}
    phase_ = phase(pod, state)
    status = {key: value for key, value in old.items() if key not in ("reason", "message")}
    status |= {
        "phase": phase_,
        "conditions": merge(old.get("conditions"), *conditions(pod, state, phase_)),
        "hostIP": state.host,
        "hostIPs": [{"ip": state.host}],
        "startTime": state.start_time,
        "containerStatuses": [_container(each) for each in state.mains],
    }
    if state.address:
        status |= {"podIP": state.address, "podIPs": [{"ip": state.address}]}
    if state.inits:
        status["initContainerStatuses"] = [_container(each) for each in state.inits]
    if state.failure:
        status |= dict(zip(("reason", "message"), state.failure, strict=True))
    return status


def _container(state: ContainerState) -> Object:
    ready = state.ready or bool(state.init and not state.sidecar and state.ended and state.ended.code == 0)
    status: Object = {
        "name": state.name,
        "image": _image(state.spec.get("image", "")),
        "imageID": state.image_id,
        "ready": ready,
        "started": state.started,
        "restartCount": state.restarts,
        "state": _state(state),
        "lastState": {"terminated": state.last.record()} if state.last else {},
    }
    return status | ({"containerID": state.container_id} if state.container_id else {})


def _image(name: str) -> str:
    """The image as containerd names it."""
    return name


def _state(state: ContainerState) -> Object:
    if state.running:
        return {"running": {"startedAt": state.running_since}}
    if state.ended:
        return {"terminated": state.ended.record()}
    waiting = state.waiting
    if not waiting:
        return {}
    return {"waiting": {"reason": waiting.reason} | ({"message": waiting.message} if waiting.message else {})}


# -- phase


def phase(pod: Object, state: PodState) -> str:
    """`getPhase`: Pending until every container has run once, then by how they ended and the restart policy."""
    if state.failure and state.final:
        return "Failed"
    policy = pod["spec"].get("restartPolicy", "Always")
    if not state.initialized:
        failed = policy == "Never" and any(each.ended and each.ended.code for each in state.inits if not each.sidecar)
        return "Failed" if failed and state.final else "Pending"
    waiting = [each for each in state.mains if not _has_run(each)]
    if waiting:
        return "Pending"
    ends = [each.ended or each.last for each in state.mains if not each.running]
    if len(ends) < len(state.mains) or policy == "Always":
        return "Running"
    if not state.final:
        return "Running"
    return "Succeeded" if all(each and each.code == 0 for each in ends) else "Failed"


# -- conditions


def conditions(pod: Object, state: PodState, phase_: str) -> list[Object]:
    """The conditions that the kubelet owns."""
    started = _condition(READY_TO_START, state.prepared and not state.final)
    containers = _containers_ready(state, phase_)
    return [started, _initialized(state, phase_), _ready(pod, containers), containers]


def _condition(type_: str, holds: bool, reason: str = "", message: str = "") -> Object:
    found = {"type": type_, "status": str(holds)}
    return found | ({"reason": reason} if reason else {}) | ({"message": message} if message else {})


def _initialized(state: PodState, phase_: str) -> Object:
    if state.initialized:
        return _condition("Initialized", True, "PodCompleted" if phase_ == "Succeeded" else "")
    return _condition("Initialized", False, "ContainersNotInitialized", _names("incomplete", _not_through(state)))


def _not_through(state: PodState) -> list[str]:
    return [each.name for each in state.inits if not _through(each)]


def _names(kind: str, names: Sequence[str]) -> str:
    return f"containers with {kind} status: [{' '.join(names)}]"


def _containers_ready(state: PodState, phase_: str) -> Object:
    if phase_ in ("Succeeded", "Failed"):
        return _condition("ContainersReady", False, "PodCompleted" if phase_ == "Succeeded" else "PodFailed")
    watched = [each for each in state.inits if each.sidecar] + state.mains
    unready = [each.name for each in watched if not each.ready]
    if not unready:
        return _condition("ContainersReady", True)
    return _condition("ContainersReady", False, "ContainersNotReady", _names("unready", unready))


def _ready(pod: Object, containers: Object) -> Object:
    """The pod is ready when its containers are, and its readiness gates hold."""
    if containers["status"] != "True":
        return containers | {"type": "Ready"}
    unmet = [why for gate in pod["spec"].get("readinessGates") or () if (why := _unmet(pod, gate["conditionType"]))]
    if unmet:
        return _condition("Ready", False, "ReadinessGatesNotReady", ", ".join(unmet))
    return _condition("Ready", True)


def _unmet(pod: Object, gate: str) -> str:
    found = find(pod["status"].get("conditions"), gate)
    if found is None:
        return f'corresponding condition of pod readiness gate "{gate}" does not exist.'
    if found["status"] != "True":
        return f'the status of pod readiness gate "{gate}" is not "True", but {found["status"]}'
    return ""
