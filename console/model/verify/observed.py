"""What running pods, autoscalers and past runs tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from console.model.probing import Results
from console.model.stack import JSON
from console.model.verify import catalogue
from console.model.verify.check import Finding
from console.model.wording import number, seconds
from console.model.workload import ContainerState, Pod


@dataclass(frozen=True, slots=True)
class PastDeploy:
    """A run that deployed every service: what the journal keeps of it. `seconds` by phase may overlap."""

    run_id: str
    at: float
    seconds: float
    phases: tuple[tuple[str, float], ...]


def judge_deploy(deploy: PastDeploy | None, threshold: float, when: str) -> Finding:
    """The time of a full deploy. `when` is its moment in words."""
    if deploy is None:
        reason = "this machine has no record of a deploy of every service; `deploy` makes one"
        return catalogue.DEPLOY_TIME.not_made(reason)
    phases = ", ".join(f"{name} {seconds(took)}" for name, took in deploy.phases)
    return catalogue.DEPLOY_TIME.at_most(deploy.seconds, threshold, (f"run {deploy.run_id} at {when}: {phases}",))


def judge_ready(pods: Iterable[Pod], threshold: float) -> Finding:
    """How long pods take to serve."""
    quickest: dict[str, tuple[float, str]] = {}
    for pod in pods:
        took = _ready_after(pod)
        if took is not None:
            quickest[pod.service] = min(quickest.get(pod.service, (took, pod.name)), (took, pod.name))
    if not quickest:
        return catalogue.READY_TIME.not_made("no pod of the stack is ready")
    lines = [f"{service}: {seconds(took)} ({name})" for service, (took, name) in sorted(quickest.items())]
    return catalogue.READY_TIME.at_most(max(took for took, _ in quickest.values()), threshold, lines)


def _ready_after(pod: Pod) -> float | None:
    """Seconds from the start of the last container to Ready; None if that cannot be told.

    A pod whose containers were restarted was ready before, so its times say something else.
    """
    ready = pod.condition("Ready")
    started = [each.since for each in pod.containers if not each.init and each.since is not None]
    if not pod.service or not pod.ready or pod.restarts or ready is None or ready.since is None or not started:
        return None
    return max(0.0, ready.since - max(started))


def unknown_probes(pods: Iterable[Pod], results: Mapping[str, Results]) -> list[str]:
    """Probes of running containers of which no result is known yet."""
    return [name for name, ok, _ in _probes(pods, results) if ok is None]


def judge_probes(pods: Sequence[Pod], results: Mapping[str, Results]) -> Finding:
    """Every probe of every pod by its last result; a container that does not run passes none."""
    found = list(_probes(pods, results))
    if not found:
        return catalogue.PROBE_RESULTS.not_made("no pod of the stack has a probe")
    failing = [f"{name} fails{f': {words}' if words else ''}" for name, ok, words in found if ok is False]
    unknown = [name for name, ok, _ in found if ok is None]
    looked = f"{number(len(found), 'probe')} of {number(len(pods), 'pod')}"
    if unknown and not failing:
        lines = (*(f"{name}: no result is known" for name in unknown), looked)
        return catalogue.PROBE_RESULTS.not_made(f"{number(len(unknown), 'probe')} gave no result yet", lines)
    return catalogue.PROBE_RESULTS.none_wrong(failing, looked)


def _probes(pods: Iterable[Pod], results: Mapping[str, Results]) -> Iterator[tuple[str, bool | None, str]]:
    for pod in pods:
        for container in pod.containers:
            for spec in container.probes:
                name = f"{pod.name} {container.name} {spec.kind}"
                result = (results.get(pod.uid) or {}).get((container.name, spec.kind))
                if container.state is not ContainerState.RUNNING:
                    yield name, False, f"the container is {container.state}"
                else:
                    yield name, result.ok if result else None, result.answer if result else ""


def judge_autoscalers(bodies: Iterable[JSON]) -> Finding:
    """Autoscalers as they are live."""
    scalers = [body for body in bodies if body["kind"] == "HorizontalPodAutoscaler"]
    if not scalers:
        return catalogue.AUTOSCALER.not_made("the stack has no autoscaler")
    wrong = [f"{body['metadata']['name']}: {words}" for body in scalers if (words := _idle(body))]
    return catalogue.AUTOSCALER.none_wrong(wrong, "; ".join(map(_figures, scalers)))


def _idle(body: JSON) -> str:
    """Why an autoscaler does nothing, empty if it works."""
    status = body.get("status") or {}
    conditions = {each["type"]: each for each in status.get("conditions") or ()}
    for type in ("AbleToScale", "ScalingActive"):
        condition = conditions.get(type) or {}
        if condition.get("status") != "True":
            return f"{type} is {condition.get('status', 'not told')}: {condition.get('message', '')}".rstrip(": ")
    return "" if status.get("currentMetrics") else "it reports no current metrics"


def _figures(body: JSON) -> str:
    status, spec = body.get("status") or {}, body["spec"]
    now = [
        f"{each['resource']['name']} {each['resource']['current'].get('averageUtilization', '?')} %"
        for each in status.get("currentMetrics") or ()
        if each and each.get("resource")
    ]
    pods = f"{status.get('currentReplicas', '?')} pods of {spec.get('minReplicas', 1)} to {spec['maxReplicas']}"
    return f"{body['metadata']['name']}: {', '.join((pods, *now))}"
