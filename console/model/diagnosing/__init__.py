"""Symptom -> cause, pure: pods and workloads with all that is known of them in, diagnoses out, the most certain first.

A cause is *terminal* when waiting cannot help, so that a run ends at once; every other one is waited for, and named.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from console.model.diagnosing.configuration import configuration, volumes
from console.model.diagnosing.crashes import crash
from console.model.diagnosing.images import image
from console.model.diagnosing.placing import given_up, placing
from console.model.diagnosing.probes import probes, starting
from console.model.diagnosing.sight import LOGS, Sight
from console.model.diagnosing.workloads import workload
from console.model.diagnosis import Cause, Diagnosis
from console.model.workload import Container, ContainerState, External

_RULES = (image, configuration, volumes, crash, probes)
_CERTAINTY = (
    Cause.NAMESPACE_TERMINATING,
    Cause.QUOTA,
    Cause.REFUSED,
    Cause.IMAGE_MISSING,
    Cause.IMAGE_UNPULLABLE,
    Cause.CONFIG_MISSING,
    Cause.SECRET_MISSING,
    Cause.KEY_MISSING,
    Cause.VOLUME,
    Cause.UNSCHEDULABLE,
    Cause.COMMAND_NOT_FOUND,
    Cause.EXTERNAL_UNREACHABLE,
    Cause.CANNOT_BIND,
    Cause.OUT_OF_MEMORY,
    Cause.PORT_NOT_LISTENED,
    Cause.LIVENESS_PROBE,
    Cause.STARTUP_PROBE,
    Cause.READINESS_PROBE,
    Cause.CRASH_LOOP,
    Cause.DEADLINE,
    Cause.UNKNOWN,
    Cause.STARTING,
)
_RANK = {cause: rank for rank, cause in enumerate(_CERTAINTY)}

__all__ = ["Sight", "diagnose", "diagnose_external", "diagnose_pod", "workload"]


def diagnose_pod(sight: Sight) -> tuple[Diagnosis, ...]:
    """Why a pod does not serve, or is about to end; nothing for one that is well, completed, or being deleted."""
    pod = sight.pod
    if pod.deleting is not None or pod.phase == "Succeeded":
        return ()
    if pod.ready and all(result.ok is not False for result in sight.probes.values()):
        return ()
    if found := placing(sight) or given_up(sight):
        return (found,)
    found_all = [found for each in pod.containers if (found := _container(sight, each))]
    return tuple(found_all) or _waiting(sight)


def _container(sight: Sight, container: Container) -> Diagnosis | None:
    return next((found for rule in _RULES if (found := rule(sight, container))), None)


def _waiting(sight: Sight) -> tuple[Diagnosis, ...]:
    """Nothing is wrong so far: what the pod waits for."""
    pod = sight.pod
    if pod.ready or pod.phase == "Failed":
        return ()
    if not pod.node:
        return (sight.finding(Cause.STARTING, "waiting for a node", since=pod.created),)
    unready = [each for each in pod.containers if not each.ready and not _through(each)]
    if unready:
        return (starting(sight, unready[0]),)
    condition = pod.condition("Ready")
    words = condition.message if condition else ""
    return (sight.finding(Cause.STARTING, "its containers are ready, the pod is not yet", evidence=words),)


def _through(container: Container) -> bool:
    """An init container that is done, or a sidecar that runs."""
    if container.state is ContainerState.TERMINATED:
        return bool(container.ended and container.ended.exit_code == 0)
    return container.init and container.started


def diagnose_external(external: External) -> tuple[Diagnosis, ...]:
    """What is wrong with an external of the stack itself."""
    if external.ok is not False:
        return ()
    summary, subject = f"the {external.kind} {external.name} cannot be reached", f"external/{external.name}"
    hints = ("start it, or correct its address in the Secret", LOGS)
    cause = Cause.EXTERNAL_UNREACHABLE
    return (Diagnosis(cause, external.name, subject, False, summary, external.detail, "", hints, external.at),)


def diagnose(findings: Iterable[Diagnosis]) -> tuple[Diagnosis, ...]:
    """Findings of many pods as one diagnosis a service and cause, the most certain first.

    Args:
        findings: of pods, workloads and externals, in a stable order: the first of a cause speaks for the others.
    """
    groups: dict[tuple[str, Cause], list[Diagnosis]] = {}
    for each in findings:
        groups.setdefault((each.service, each.cause), []).append(each)
    return tuple(sorted(map(_one, groups.values()), key=lambda each: (_RANK[each.cause], each.service)))


def _one(alike: Sequence[Diagnosis]) -> Diagnosis:
    spokesman = max(alike, key=lambda each: (each.terminal, bool(each.evidence)))
    subjects = {each.subject for each in alike}
    if len(subjects) == 1:
        return spokesman
    known = [each.since for each in alike if each.since is not None]
    return replace(spokesman, summary=f"{len(subjects)} pods: {spokesman.summary}", since=min(known, default=None))
