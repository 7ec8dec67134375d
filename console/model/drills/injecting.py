"""From what is there to what a drill would do: which pods and objects it harms, and how that is undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from console.model.drills import configuring, disrupting, versions
from console.model.drills.calls import Create, Delete, Injection, Replicas, Signal, Undo
from console.model.drills.catalogue import CATALOGUE
from console.model.drills.ground import Ground, NotApplicableError, pod_ref
from console.model.drills.restoring import changed, replicas_are_ours
from console.model.errors import UsageError
from console.model.plan import ObjectRef

Options = Mapping[str, str]
QUOTA = "stack-console-drill"
"""The name of the quota that a drill makes."""


def injection(kind: str, ground: Ground, options: Options) -> Injection:
    """What a drill would do.

    Raises:
        UsageError: there is no such drill, or it has no such option.
        NotApplicableError: it would prove nothing here.
    """
    found = CATALOGUE.get(kind)
    if found is None:
        raise UsageError(f"there is no drill {kind!r}", hint=f"there are: {', '.join(CATALOGUE)}")
    for name in options:
        if name not in found.options:
            known = ", ".join(found.options) or "none"
            raise UsageError(f"{kind} has no option {name!r}", hint=f"its options: {known}")
    return _INJECTIONS[kind](ground, options)


def _delete_pod(ground: Ground, options: Options) -> Injection:
    pod = ground.serving[0]
    return Injection((Delete(pod_ref(pod), pod.uid),), hit=(pod.uid,))


def _delete_pods(ground: Ground, options: Options) -> Injection:
    pods = ground.serving
    return Injection(tuple(Delete(pod_ref(pod), pod.uid) for pod in pods), hit=tuple(pod.uid for pod in pods))


def _kill(ground: Ground, options: Options) -> Injection:
    signal, uid = _signal(ground, "KILL")
    return Injection((signal,), hit=(uid,))


def _hang(ground: Ground, options: Options) -> Injection:
    if not ground.container.get("livenessProbe"):
        raise NotApplicableError(f"{ground.service} has no liveness probe: nobody would find out")
    signal, uid = _signal(ground, "STOP")
    return Injection((signal,), Undo(resume=(Signal(signal.ref, signal.container, "CONT"),)), (uid,))


def _signal(ground: Ground, signal: str) -> tuple[Signal, str]:
    if not ground.template["spec"].get("shareProcessNamespace"):
        why = "the process is number 1 of its container, which ignores signals from inside (pid_namespaces(7))"
        raise NotApplicableError(f"{ground.service} does not set shareProcessNamespace: {why}")
    pod = ground.serving[0]
    return Signal(pod_ref(pod), ground.container["name"], signal), pod.uid


def _dependency_gone(ground: Ground, options: Options) -> Injection:
    ref = ground.workload
    hit = tuple(pod.uid for pod in ground.serving)
    if replicas_are_ours(ground, ref):
        gone = changed(ground, ref, lambda body: body["spec"].update(replicas=0))
        return Injection((gone.send,), gone.undo, hit)
    count = int((ground.live[ref].get("spec") or {}).get("replicas") or 0)
    return Injection((Replicas(ref, 0),), Undo(replicas=(Replicas(ref, count),)), hit)


def _quota_used_up(ground: Ground, options: Options) -> Injection:
    pod = ground.serving[0]
    ref = ObjectRef("v1", "ResourceQuota", ground.namespace, QUOTA)
    # The one that goes still counts while it ends, and its place is never given back.
    count = sum(each.phase not in {"Succeeded", "Failed"} for each in ground.pods) - 1
    meta = {"name": ref.name, "namespace": ref.namespace}
    body = {"apiVersion": "v1", "kind": ref.kind, "metadata": meta, "spec": {"hard": {"pods": str(count)}}}
    return Injection((Create(ref, body), Delete(pod_ref(pod), pod.uid)), Undo(remove=(ref,)), (pod.uid,), (pod.uid,))


_INJECTIONS: dict[str, Callable[[Ground, Options], Injection]] = {
    "delete-pod": _delete_pod,
    "delete-pods": _delete_pods,
    "kill-process": _kill,
    "hang-process": _hang,
    "evict": disrupting.evict,
    "evict-budget": disrupting.evict_budget,
    "drain": disrupting.drain,
    "config-key-lost": configuring.key_lost,
    "config-value-bad": configuring.value_bad,
    "secret-wrong": configuring.secret_wrong,
    "external-unreachable": configuring.external_unreachable,
    "password-refused": configuring.password_refused,
    "image-missing": versions.image_missing,
    "crash-at-start": versions.crash_at_start,
    "never-ready": versions.never_ready,
    "slow-start": versions.slow_start,
    "out-of-memory": versions.out_of_memory,
    "dependency-gone": _dependency_gone,
    "quota-used-up": _quota_used_up,
}
