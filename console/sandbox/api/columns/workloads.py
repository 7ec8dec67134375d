"""Cells of what makes pods."""

from __future__ import annotations

from console.sandbox.api.columns.cells import NONE, Row, age_of, name_of, spec_of, status_of
from console.sandbox.api.durations import age
from console.sandbox.api.resources import Object
from console.sandbox.api.selectors import Selector
from console.sandbox.api.times import parse


def _template(obj: Object) -> Row:
    containers = spec_of(obj).get("template", {}).get("spec", {}).get("containers", ())
    return [",".join(each["name"] for each in containers), ",".join(each.get("image", "") for each in containers)]


def _selector(obj: Object) -> str:
    return str(Selector.of(spec_of(obj).get("selector")) or NONE) or NONE


def deployment(obj: Object) -> Row:
    """A Deployment."""
    status, desired = status_of(obj), spec_of(obj).get("replicas", 0)
    ready = f"{status.get('readyReplicas', 0)}/{desired}"
    counts = [status.get("updatedReplicas", 0), status.get("availableReplicas", 0)]
    return [name_of(obj), ready, *counts, age_of(obj), *_template(obj), _selector(obj)]


def replica_set(obj: Object) -> Row:
    """A ReplicaSet."""
    status = status_of(obj)
    counts = [spec_of(obj).get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0)]
    return [name_of(obj), *counts, age_of(obj), *_template(obj), _selector(obj)]


def stateful_set(obj: Object) -> Row:
    """A StatefulSet."""
    ready = f"{status_of(obj).get('readyReplicas', 0)}/{spec_of(obj).get('replicas', 0)}"
    return [name_of(obj), ready, age_of(obj), *_template(obj)]


def daemon_set(obj: Object) -> Row:
    """A DaemonSet."""
    names = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    counts = [status_of(obj).get(each, 0) for each in names]
    nodes = Selector.labels(spec_of(obj).get("template", {}).get("spec", {}).get("nodeSelector") or {})
    return [name_of(obj), *counts, str(nodes) or NONE, age_of(obj), *_template(obj), _selector(obj)]


def job(obj: Object) -> Row:
    """A Job."""
    spec, status = spec_of(obj), status_of(obj)
    completions = spec.get("completions")
    parallel = spec.get("parallelism", 0)
    wanted = completions if completions is not None else f"1 of {parallel}" if parallel > 1 else 1
    duration = ""
    if status.get("startTime"):
        end = parse(status["completionTime"]) if status.get("completionTime") else None
        duration = age(status["startTime"], end)
    done = f"{status.get('succeeded', 0)}/{wanted}"
    return [name_of(obj), _job_status(obj), done, duration, age_of(obj), *_template(obj), _selector(obj)]


def _job_status(obj: Object) -> str:
    holds = {each["type"] for each in status_of(obj).get("conditions", ()) if each["status"] == "True"}
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    named = {"Complete": "Complete", "Failed": "Failed", "Suspended": "Suspended", "FailureTarget": "FailureTarget"}
    return next((text for each, text in named.items() if each in holds), "Running")
