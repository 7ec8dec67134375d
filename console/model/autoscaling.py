"""What autoscalers rule: they give workloads their number of pods (kubernetes.io, "Horizontal Pod Autoscaling")."""

from __future__ import annotations

from collections.abc import Iterable

from console.model.stack import FIELD_MANAGER, JSON, STOPPED_ANNOTATION

Ruled = tuple[str, str, str]
"""A workload by kind, namespace and name."""


def autoscalers(bodies: Iterable[JSON]) -> dict[Ruled, JSON]:
    """The autoscaler of every workload that has one, among these objects."""
    found: dict[Ruled, JSON] = {}
    for body in bodies:
        if body["kind"] == "HorizontalPodAutoscaler":
            target = body["spec"]["scaleTargetRef"]
            found[target["kind"], body["metadata"].get("namespace", ""), target["name"]] = body
    return found


def leave_replicas(body: JSON, live: JSON | None) -> None:
    """Leaves `spec.replicas` to the autoscaler; one that was stopped gets those that it had before.

    While we still own the live value it is sent as it is: to stop sending it would reset it to 1 (kubernetes.io,
    "Server-Side Apply", transferring ownership).
    """
    body["spec"].pop("replicas", None)
    there = live or {}
    meta = there.get("metadata") or {}
    if (count := (meta.get("annotations") or {}).get(STOPPED_ANNOTATION)) is not None:
        body["spec"]["replicas"] = int(count)
        return
    for entry in meta.get("managedFields") or ():
        ours = entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply"
        if ours and "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {}):
            body["spec"]["replicas"] = there["spec"]["replicas"]
