"""What a drill starts from: the objects of the last release, what is live of them, pods, budgets, nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from console.model.errors import ConsoleError
from console.model.outcome import Outcome
from console.model.plan import ObjectRef
from console.model.podspec import pod_template
from console.model.stack import JSON, SERVICE_LABEL, ExternalSource
from console.model.workload import Pod

DRILL_ANNOTATION = "stack-console/drill"
"""On what a drill changes: which drill it is, until when, and how it is undone."""
BROKEN = frozenset({"Deployment", "StatefulSet"})
"""Kinds of workloads whose pods a drill can harm."""


class NotApplicableError(ConsoleError):
    """A drill proves nothing here, and why."""

    outcome = Outcome.PREFLIGHT

    def __init__(self, reason: str) -> None:
        super().__init__("not applicable", why=reason, hint="`drill list` tells which drills are")


@dataclass(frozen=True, slots=True)
class Ground:
    """What is there.

    Attributes:
        namespace: of the stack.
        service: which one is to be harmed.
        bodies: the objects of the last release as they are to be sent to bring them back.
        live: what is live of them.
        pods: all pods of the namespace.
        budgets: all disruption budgets of the namespace.
        nodes: all nodes, None where they may not be listed.
        externals: what the stack needs besides.
    """

    namespace: str
    service: str
    bodies: Mapping[ObjectRef, JSON] = field(repr=False)
    live: Mapping[ObjectRef, JSON] = field(repr=False)
    pods: tuple[Pod, ...]
    budgets: tuple[JSON, ...] = ()
    nodes: tuple[JSON, ...] | None = None
    externals: tuple[ExternalSource, ...] = ()

    @property
    def workload(self) -> ObjectRef:
        """The one workload of the service. Raises NotApplicableError: there is none, or several."""
        found = [ref for ref, body in self.bodies.items() if ref.kind in BROKEN and service_of(body) == self.service]
        if len(found) != 1:
            what = "several workloads" if found else "no Deployment or StatefulSet"
            raise NotApplicableError(f"{self.service} has {what}")
        return found[0]

    @property
    def template(self) -> JSON:
        """How the service's pods are made."""
        return pod_template(self.bodies[self.workload]) or {}

    @property
    def container(self) -> JSON:
        """The first container of the service's pods: the application."""
        first: JSON = self.template["spec"]["containers"][0]
        return first

    @property
    def serving(self) -> tuple[Pod, ...]:
        """The service's ready pods, by name. Raises NotApplicableError: it has none."""
        own = (pod for pod in self.pods if pod.service == self.service and pod.ready)
        found = sorted(own, key=lambda pod: pod.name)
        if not found:
            raise NotApplicableError(f"no pod of {self.service} is ready")
        return tuple(found)

    @property
    def selector(self) -> str:
        """The label selector of the service's pods."""
        labels = (self.template.get("metadata") or {}).get("labels") or {}
        wanted = self.bodies[self.workload]["spec"]["selector"].get("matchLabels") or labels
        return ",".join(f"{key}={value}" for key, value in wanted.items())


def service_of(body: JSON) -> str:
    """The service that an object of the stack belongs to, empty for shared ones."""
    return str((body["metadata"].get("labels") or {}).get(SERVICE_LABEL, ""))


def pod_ref(pod: Pod) -> ObjectRef:
    """The reference of a pod."""
    return ObjectRef("v1", "Pod", pod.namespace, pod.name)
