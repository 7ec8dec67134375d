"""The catalogue of drills: what each proves, the calls that inject and undo it, and how it ends well."""

from __future__ import annotations

from dataclasses import dataclass

LIMIT = 120.0
"""Seconds after which a drill ends, whatever became of it."""
RECOVER_WITHIN = 60.0
"""Seconds within which a service is to be ready again, where nobody says otherwise."""
_AS_BEFORE = "as the last release has it"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of drill.

    Attributes:
        name: how it is called.
        proves: what is proven if it passes.
        injects: the API calls that bring the failure.
        undoes: the API calls that take it away.
        heals: the cluster mends it by itself, before the undo; else it stays until it is undone.
        failed_requests: how many may fail where nobody says otherwise; None: any number.
        must_be_noticed: somebody has to notice it: a probe, a status, or users.
        options: the names of what can be said about it.
    """

    name: str
    proves: str
    injects: str
    undoes: str = "nothing: what is gone was made anew"
    heals: bool = True
    failed_requests: int | None = None
    must_be_noticed: bool = True
    options: tuple[str, ...] = ()


def _new_version(name: str, fault: str, options: tuple[str, ...] = ()) -> Kind:
    """A version that is not worth anything: the old pods have to go on serving."""
    call = "PATCH of the workload (server-side apply)"
    proves = f"{fault} does not take the old pods down"
    return Kind(name, proves, call, f"{call} {_AS_BEFORE}", heals=False, failed_requests=0, options=options)


def _value(name: str, proves: str, plural: str, options: tuple[str, ...], *, must_be_noticed: bool = False) -> Kind:
    """A value that only pods see which start with it: one pod is made anew."""
    call = f"PATCH {plural} (server-side apply)"
    undoes = f"{call} {_AS_BEFORE}, DELETE of the pods that were made meanwhile"
    injects = f"{call}, DELETE of one pod"
    return Kind(name, proves, injects, undoes, heals=False, must_be_noticed=must_be_noticed, options=options)


_KINDS = (
    Kind("delete-pod", "a pod that goes is made anew", "DELETE of a pod"),
    Kind("delete-pods", "a service that loses all of its pods comes back", "DELETE of all pods of the service"),
    Kind("kill-process", "a process that dies is started again", "pods/exec: SIGKILL"),
    Kind(
        "hang-process",
        "a process that hangs is found by its liveness probe",
        "pods/exec: SIGSTOP",
        "pods/exec: SIGCONT, unless the process was ended",
    ),
    Kind("evict", "a pod that is evicted is made anew", "CREATE pods/eviction"),
    Kind(
        "evict-budget",
        "a disruption budget keeps enough pods: an eviction too many is refused",
        "CREATE pods/eviction of one pod after the other, until one is refused",
    ),
    Kind(
        "drain",
        "a node can be emptied: its pods come up elsewhere",
        "PATCH nodes: unschedulable; CREATE pods/eviction of the stack's pods on it",
        "PATCH nodes: schedulable",
        options=("node",),
    ),
    _value("config-key-lost", "a key that a ConfigMap lost harms new pods only", "configmaps", ("configmap", "key")),
    _value(
        "config-value-bad",
        "a value that makes no sense harms new pods only",
        "configmaps",
        ("configmap", "key", "value"),
    ),
    _value("secret-wrong", "a wrong value of a Secret harms new pods only", "secrets", ("secret", "key")),
    _value(
        "external-unreachable",
        "a new pod that cannot reach its database does not count as ready",
        "secrets",
        ("external",),
        must_be_noticed=True,
    ),
    _value(
        "password-refused",
        "a new pod that its database refuses does not count as ready",
        "secrets",
        ("external",),
        must_be_noticed=True,
    ),
    _new_version("image-missing", "an image that does not exist"),
    _new_version("crash-at-start", "a version that crashes at its start"),
    _new_version("never-ready", "a version that never gets ready"),
    _new_version("out-of-memory", "a version that does not get along with its memory", ("memory",)),
    Kind(
        "slow-start",
        "pods that start slowly do not take the old ones down before they serve",
        "PATCH of the workload (server-side apply)",
        f"PATCH of the workload (server-side apply) {_AS_BEFORE}",
        failed_requests=0,
        options=("seconds",),
    ),
    Kind(
        "dependency-gone",
        "a service that others need goes, and all come back with it",
        "PATCH of the workload: no replicas",
        "PATCH of the workload: as many as before",
        heals=False,
    ),
    Kind(
        "quota-used-up",
        "a pod that a quota keeps from coming back comes back once there is room",
        "CREATE resourcequotas, DELETE of a pod",
        "DELETE resourcequotas",
        heals=False,
    ),
)
CATALOGUE = {kind.name: kind for kind in _KINDS}
"""Every kind by its name, in the order in which they are shown."""
