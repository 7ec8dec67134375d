"""What can be told from the live objects alone: probes, resources, state, shutdown, kinds, databases."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from console.model.podspec import pod_spec
from console.model.stack import JSON
from console.model.verify import catalogue
from console.model.verify.check import Finding
from console.model.wording import number
from console.model.workload import ProbeKind

SERVING = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Pod"})
"""Kinds whose pods are to go on; pods of Jobs end, and are probed by nobody."""
_SCRATCH = ("/tmp", "/run", "/var/run", "/var/tmp", "/var/cache")  # noqa: S108 - paths in containers
_KEEP = ("persistentVolumeClaim", "hostPath", "ephemeral", "local")
_BUILT_IN = re.compile(r"(?:(?:apps|batch|autoscaling|policy)/)?v\d\w*|[a-z.]+\.k8s\.io/v\d\w*")
_BROUGHT = frozenset({"gateway.networking.k8s.io", "snapshot.storage.k8s.io", "metrics.k8s.io"})
"""Groups that end like those of Kubernetes, and are not built in."""
_MESH = re.compile(r"istio|linkerd|envoy-sidecar|consul-(?:connect|dataplane)|kuma-|osm-")
_DATABASES = re.compile(
    r"(?:^|[/_-])(?:postgres\w*|postgis|timescaledb|mysql|mariadb|percona|mongo(?:db)?|cockroach\w*|cassandra|couchdb"
    r"|couchbase|mssql\w*|oracle|neo4j|clickhouse\w*|surrealdb|scylla)(?:[:@_-]|$)"
)


def judge_declared(bodies: Sequence[JSON], pods: Sequence[JSON], externals: Sequence[str]) -> Iterator[Finding]:
    """The findings that need nothing but objects.

    Args:
        bodies: the objects of the stack, as they are live.
        pods: its pods, as the API server has them.
        externals: the externals of the stack, in words.
    """
    serving = [body for body in bodies if body["kind"] in SERVING]
    containers = [(_name(body), each) for body in serving for each in _lasting(_spec(body))]
    looked = number(len(containers), "container")
    if not serving:
        for check in (catalogue.PROBES_DECLARED, catalogue.RESOURCES):
            yield check.not_made("the stack has no workload that goes on")
    else:
        yield catalogue.PROBES_DECLARED.none_wrong(_without_probes(containers), looked)
        yield catalogue.RESOURCES.none_wrong(_unbounded(bodies), looked)
    yield catalogue.STATELESS.none_wrong(_stateful(bodies), number(len(serving), "workload"))
    yield catalogue.SHUTDOWN_DECLARED.none_wrong(_hasty(serving), "; ".join(map(_grace_words, serving)))
    yield catalogue.KINDS.none_wrong([*_foreign(bodies), *_meshed([*bodies, *pods])], number(len(bodies), "object"))
    yield catalogue.DATABASE.none_wrong(_databases(bodies), "; ".join(externals) or "the stack names no external")


def _without_probes(containers: Iterable[tuple[str, JSON]]) -> Iterator[str]:
    for name, container in containers:
        for kind in ProbeKind:
            if not container.get(f"{kind}Probe"):
                yield f"{name} {container['name']}: no {kind} probe"


def _unbounded(bodies: Iterable[JSON]) -> Iterator[str]:
    for body in bodies:
        for each in _all_containers(_spec(body)):
            resources = each.get("resources") or {}
            requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
            missing = [f"request of {what}" for what in ("cpu", "memory") if what not in {**limits, **requests}]
            missing += ["limit of memory"] if "memory" not in limits else []
            if missing:
                yield f"{_name(body)} {each['name']}: no {', no '.join(missing)}"


def _stateful(bodies: Iterable[JSON]) -> Iterator[str]:
    for body in bodies:
        spec = _spec(body)
        volumes = {each["name"]: each for each in spec.get("volumes") or ()}
        claimed = {each["metadata"]["name"] for each in (body.get("spec") or {}).get("volumeClaimTemplates") or ()}
        for name in claimed:
            yield f"{_name(body)}: claims the volume {name}"
        for name, volume in volumes.items():
            kept = next((kind for kind in _KEEP if kind in volume), "")
            if kept:
                yield f"{_name(body)}: the volume {name} is a {kept}"
        for container in _all_containers(spec):
            if not (container.get("securityContext") or {}).get("readOnlyRootFilesystem"):
                yield f"{_name(body)} {container['name']}: its root file system can be written to"
            for mount in container.get("volumeMounts") or ():
                volume = volumes.get(mount["name"]) or {}
                if _holds_state(volume, mount):
                    yield f"{_name(body)} {container['name']}: {mount['mountPath']} is on the local disk"


def _holds_state(volume: JSON, mount: JSON) -> bool:
    """An emptyDir is lost with the pod: good for scratch, not for what is to stay."""
    if "emptyDir" not in volume or mount.get("readOnly"):
        return False
    path = f"{mount['mountPath'].rstrip('/')}/"
    return not any(path.startswith(f"{place}/") for place in _SCRATCH)


def _hasty(bodies: Iterable[JSON]) -> Iterator[str]:
    for body in bodies:
        spec = _spec(body)
        grace = _grace(spec)
        for container in _lasting(spec):
            takes = _pre_stop(container)
            if takes >= grace:
                words = f"preStop takes {takes:g} s of {grace} s"
                yield f"{_name(body)} {container['name']}: {words}" if takes else f"{_name(body)}: no grace period"


def _grace_words(body: JSON) -> str:
    spec = _spec(body)
    longest = max((_pre_stop(each) for each in _lasting(spec)), default=0.0)
    return f"{_name(body)} {_grace(spec)} s, {f'{longest:g} s of it in preStop' if longest else 'no preStop'}"


def _grace(spec: JSON) -> int:
    found = spec.get("terminationGracePeriodSeconds")
    return 30 if found is None else int(found)


def _pre_stop(container: JSON) -> float:
    """Seconds that a preStop hook takes at least, as far as it says so."""
    hook = (container.get("lifecycle") or {}).get("preStop") or {}
    if "sleep" in hook:
        return float(hook["sleep"]["seconds"])
    words = " ".join((hook.get("exec") or {}).get("command") or ())
    return sum(float(each) for each in re.findall(r"\bsleep (\d+(?:\.\d+)?)", words))


def _foreign(bodies: Iterable[JSON]) -> Iterator[str]:
    for body in bodies:
        version = str(body["apiVersion"])
        if not _BUILT_IN.fullmatch(version) or version.partition("/")[0] in _BROUGHT:
            yield f"{_name(body)} is of {version}"


def _meshed(bodies: Iterable[JSON]) -> Iterator[str]:
    for body in bodies:
        for container in _all_containers(_spec(body)):
            if _MESH.search(container["name"]) or _MESH.search(str(container.get("image", ""))):
                yield f"{_name(body)}: the container {container['name']} is that of a mesh"


def _databases(bodies: Iterable[JSON]) -> Iterator[str]:
    for body in bodies:
        for container in _all_containers(_spec(body)):
            image = str(container.get("image", "")).rpartition("@")[0] or str(container.get("image", ""))
            if _DATABASES.search(image):
                yield f"{_name(body)} runs the database {image}"


def _spec(body: JSON) -> JSON:
    return pod_spec(body) or {}


def _all_containers(spec: JSON) -> list[JSON]:
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def _lasting(spec: JSON) -> list[JSON]:
    """Containers that are to go on: those of the pod, and what stands beside them from the start (sidecars)."""
    sidecars = [each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"]
    return [*sidecars, *(spec.get("containers") or ())]


def _name(body: JSON) -> str:
    return f"{str(body['kind']).lower()}/{body['metadata']['name']}"
