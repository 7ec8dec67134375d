"""From the wire to the model: pods, workloads, events. Called for every change, so what is declared is translated once.

A thousand pods of one template share the translation of their containers' declarations (`_declare`), and their
repeated words are interned; that halves the memory of a large namespace.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from sys import intern
from typing import NamedTuple

from console.adapters.kubernetes import wire
from console.model.stack import SERVICE_LABEL
from console.model.workload import (
    ClusterEvent,
    Condition,
    Container,
    ContainerState,
    Pod,
    ProbeKind,
    ProbeSpec,
    Termination,
    Workload,
)

REVISION = "deployment.kubernetes.io/revision"
_NO_STATE = wire.State(waiting=wire.Waiting())


def seconds(moment: datetime | None) -> float | None:
    """A time as seconds since the epoch."""
    return None if moment is None else moment.timestamp()


class _Declared(NamedTuple):
    """What a container's declaration gives to its model."""

    ports: tuple[int, ...]
    probes: tuple[ProbeSpec, ...]
    image: str


@lru_cache(maxsize=2048)
def _declare(spec: wire.ContainerSpec) -> _Declared:
    ports = tuple(port.container_port for port in spec.ports or ())
    named = {port.name: port.container_port for port in spec.ports or ()}
    declared = (
        (ProbeKind.STARTUP, spec.startup_probe),
        (ProbeKind.READINESS, spec.readiness_probe),
        (ProbeKind.LIVENESS, spec.liveness_probe),
    )
    probes = tuple(_probe(kind, probe, named) for kind, probe in declared if probe is not None)
    return _Declared(ports, probes, intern(spec.image))


def _probe(kind: ProbeKind, probe: wire.Probe, named: dict[str, int]) -> ProbeSpec:
    return ProbeSpec(
        kind,
        _action(probe, named),
        float(probe.period_seconds),
        float(probe.timeout_seconds),
        probe.failure_threshold,
        probe.success_threshold,
        float(probe.initial_delay_seconds),
    )


def _action(probe: wire.Probe, named: dict[str, int]) -> str:
    if probe.http_get:
        port = named.get(str(probe.http_get.port), probe.http_get.port)
        scheme = "https " if probe.http_get.scheme == "HTTPS" else ""
        return f"GET {scheme}:{port}{probe.http_get.path}"
    if probe.tcp_socket:
        return f"tcp :{named.get(str(probe.tcp_socket.port), probe.tcp_socket.port)}"
    if probe.grpc:
        return f"grpc :{probe.grpc.port}"
    return "exec " + " ".join(probe.exec.command if probe.exec else ())


def pod(source: wire.Pod) -> Pod:
    """A pod of the model. `service` is the pod's own label; the engine finds it by the owner where there is none."""
    meta, spec, status = source.metadata, source.spec, source.status
    labels = meta.labels or {}
    owner = _controller(meta)
    containers = _containers(spec.init_containers, status.init_container_statuses, init=True)
    containers += _containers(spec.containers, status.container_statuses, init=False)
    return Pod(
        meta.uid,
        intern(meta.namespace),
        meta.name,
        intern(labels.get(SERVICE_LABEL, "")),
        intern(owner.kind) if owner else "",
        intern(owner.name) if owner else "",
        intern(labels.get("pod-template-hash") or labels.get("controller-revision-hash") or ""),
        intern(spec.node_name),
        status.pod_ip,
        intern(status.phase),
        intern(status.reason),
        status.message,
        seconds(meta.creation_timestamp) or 0.0,
        seconds(meta.deletion_timestamp),
        intern(spec.restart_policy),
        _conditions(status.conditions),
        containers,
        meta.resource_version,
    )


def _controller(meta: wire.Metadata) -> wire.OwnerReference | None:
    return next((owner for owner in meta.owner_references or () if owner.controller), None)


def _containers(
    specs: Sequence[wire.ContainerSpec] | None, statuses: Sequence[wire.ContainerStatus] | None, *, init: bool
) -> tuple[Container, ...]:
    reported = {status.name: status for status in statuses or ()}
    return tuple([_container(spec, reported.get(spec.name), init) for spec in specs or ()])


def _container(spec: wire.ContainerSpec, status: wire.ContainerStatus | None, init: bool) -> Container:
    status = status or wire.ContainerStatus(name=spec.name)
    declared = _declare(spec)
    state, reason, message, since, ended = _state(status.state or _NO_STATE)
    last = status.last_state.terminated if status.last_state else None
    return Container(
        intern(spec.name),
        declared.image,
        state,
        intern(reason),
        message,
        status.ready,
        bool(status.started),
        status.restart_count,
        since,
        init,
        declared.ports,
        declared.probes,
        ended,
        _termination(last) if last else None,
    )


def _state(state: wire.State) -> tuple[ContainerState, str, str, float | None, Termination | None]:
    if state.running:
        return ContainerState.RUNNING, "", "", seconds(state.running.started_at), None
    if state.terminated:
        ended = _termination(state.terminated)
        return ContainerState.TERMINATED, ended.reason, ended.message, ended.finished, ended
    waiting = state.waiting or wire.Waiting()
    return ContainerState.WAITING, waiting.reason, waiting.message, None, None


def _termination(end: wire.Terminated) -> Termination:
    started, finished = seconds(end.started_at), seconds(end.finished_at)
    return Termination(end.exit_code, intern(end.reason), end.message, end.signal or None, started, finished)


def _conditions(conditions: Sequence[wire.Condition] | None) -> tuple[Condition, ...]:
    return tuple([_condition(each) for each in conditions or ()])


def _condition(source: wire.Condition) -> Condition:
    reason, since = intern(source.reason or ""), seconds(source.last_transition_time)
    return Condition(intern(source.type), intern(source.status), reason, source.message or "", since)


class _Counts(NamedTuple):
    """A workload's pods: how many are wanted, and how far it is."""

    desired: int
    updated: int
    current: int
    ready: int
    available: int


def _counts(kind: str, spec: wire.WorkloadSpec, status: wire.WorkloadStatus) -> _Counts:
    if kind == "DaemonSet":
        scheduled = (status.desired_number_scheduled, status.updated_number_scheduled, status.current_number_scheduled)
        return _Counts(*scheduled, status.number_ready, status.number_available)
    if kind == "Job":
        wanted = spec.completions if spec.completions is not None else spec.parallelism
        existing = status.active + status.succeeded
        desired = 1 if wanted is None else wanted
        return _Counts(desired, existing, status.active, status.ready, status.succeeded)
    desired = 1 if spec.replicas is None else spec.replicas
    updated = status.replicas if kind == "ReplicaSet" else status.updated_replicas
    return _Counts(desired, updated, status.replicas, status.ready_replicas, status.available_replicas)


def workload(kind: str, source: wire.Workload) -> Workload:
    """A workload of the model; `service` is its own label, which the console sets."""
    meta, status = source.metadata, source.status
    owner = _controller(meta)
    counts = _counts(kind, source.spec, status)
    # A Job has no observedGeneration: it cannot be changed in a way that counts.
    observed = meta.generation if kind == "Job" else status.observed_generation
    return Workload(
        uid=meta.uid,
        kind=kind,
        namespace=meta.namespace,
        name=meta.name,
        service=(meta.labels or {}).get(SERVICE_LABEL, ""),
        owner_uid=owner.uid if owner else "",
        generation=meta.generation,
        observed_generation=observed,
        desired=counts.desired,
        updated=counts.updated,
        current=counts.current,
        ready=counts.ready,
        available=counts.available,
        paused=source.spec.paused,
        revision=(meta.annotations or {}).get(REVISION) or status.update_revision,
        created=seconds(meta.creation_timestamp) or 0.0,
        conditions=_conditions(status.conditions),
    )


def event(source: wire.Event) -> ClusterEvent:
    """An event of the model, of either way of recording."""
    about, series = source.involved_object, source.series
    created = seconds(source.metadata.creation_timestamp) or 0.0
    first = seconds(source.first_timestamp) or seconds(source.event_time) or created
    newest = series.last_observed_time if series else None
    last = seconds(newest) or seconds(source.last_timestamp) or first
    return ClusterEvent(
        uid=source.metadata.uid,
        kind=about.kind,
        namespace=about.namespace,
        name=about.name,
        about_uid=about.uid,
        container=_container_of(about.field_path),
        type=source.type,
        reason=source.reason,
        message=source.message,
        count=(series.count if series else source.count) or 1,
        first=first,
        last=last,
    )


def _container_of(field_path: str) -> str:
    """The name in `spec.containers{backend}`; empty when the event is about the whole pod."""
    return field_path[field_path.find("{") + 1 : -1] if field_path.endswith("}") else ""
