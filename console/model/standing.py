"""How a service stands, in one word: from its workloads, its pods and what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.model.diagnosis import Cause, Diagnosis
from console.model.readiness import readiness
from console.model.state import ServiceState, ServiceView
from console.model.workload import Workload

_ON_THE_WAY = {
    *(Cause.STARTING, Cause.STARTUP_PROBE, Cause.READINESS_PROBE),
    *(Cause.PORT_NOT_LISTENED, Cause.EXTERNAL_UNREACHABLE),
}
"""What is usual while a service starts; once it has served, it is failing."""


@dataclass(frozen=True, slots=True)
class Crew:
    """A service's pods: how many there are that are neither completed nor being deleted, and how many serve."""

    pods: int = 0
    ready: int = 0


def stand(
    name: str,
    workloads: Sequence[Workload],
    crew: Crew,
    diagnoses: tuple[Diagnosis, ...],
    *,
    lost: bool,
    listed: bool,
) -> ServiceView:
    """A service in one line.

    Args:
        name: its name.
        workloads: those of its own, without the ReplicaSets that Deployments make.
        crew: its pods.
        diagnoses: what is wrong with them.
        lost: a pod that has served does not any more.
        listed: all workloads of the namespace are known, so that none means absent.
    """
    desired = sum(each.desired for each in workloads) if workloads else crew.pods
    ready = crew.ready + sum(each.available for each in workloads if each.kind == "Job")
    state = _state(workloads, crew.pods, desired - ready, diagnoses, lost)
    if not workloads and not crew.pods:
        state = ServiceState.ABSENT if listed else ServiceState.UNKNOWN
    return ServiceView(name, state, ready, desired, diagnoses)


def _state(
    workloads: Sequence[Workload], pods: int, short: int, diagnoses: Sequence[Diagnosis], lost: bool
) -> ServiceState:
    if not pods and not any(each.desired for each in workloads):
        return ServiceState.STOPPED
    standings = [readiness(each) for each in workloads]
    hopeless = any(each.terminal for each in diagnoses) or any(each.done and not each.ok for each in standings)
    if short <= 0 and not hopeless and all(each.ok for each in standings):
        return ServiceState.READY
    broken = any(each.cause not in _ON_THE_WAY for each in diagnoses)
    return ServiceState.FAILING if hopeless or broken or lost else ServiceState.STARTING
