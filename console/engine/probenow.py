"""Asks a container's probe endpoint now, as its kubelet would."""

from __future__ import annotations

import re
from collections.abc import Sequence

from console.engine.ports import World
from console.engine.store import Store
from console.model.errors import NotFoundError, RefusedError
from console.model.events import ProbeObserved
from console.model.workload import Container, ProbeKind, ProbeResult, ProbeSource, ProbeSpec

_HTTP_ACTION = re.compile(r"GET (https)?:(\d+)(/.*)?", re.IGNORECASE)


async def probe_now(world: World, store: Store, pod_uid: str, container: str, kind: ProbeKind) -> ProbeResult:
    """Asks a container's probe endpoint now, through the API server; the result also goes to the store.

    Raises:
        RefusedError: the probe cannot be asked from outside of the pod (exec, TCP).
        NotFoundError: there is no such pod, container or probe.
    """
    pod = store.view().pods.get(pod_uid)
    spec = _probe(pod.containers if pod else (), container, kind)
    if pod is None or spec is None:
        raise NotFoundError(f"there is no {kind} probe of {container} any more")
    action = _HTTP_ACTION.fullmatch(spec.action)
    if action is None:
        raise RefusedError(f"{spec.action} cannot be asked from here", why="only HTTP probes pass the API server")
    scheme, port, path = action.groups()
    asked = await world.cluster.pod_get(
        pod.namespace, pod.name, int(port), path or "/", (scheme or "http").upper(), spec.timeout
    )
    result = _probed(kind, *asked, world.clock())
    store.dispatch(ProbeObserved(pod_uid, container, result))
    return result


def _probe(containers: Sequence[Container], name: str, kind: ProbeKind) -> ProbeSpec | None:
    specs = (probe for container in containers if container.name == name for probe in container.probes)
    return next((spec for spec in specs if spec.kind is kind), None)


def _probed(kind: ProbeKind, status: int | None, text: str, at: float) -> ProbeResult:
    """As the kubelet judges an answer: 200 to 399 is success (kubernetes.io, Configure Probes, HTTP probes)."""
    ok = status is not None and 200 <= status < 400
    said = text.strip().splitlines()[0][:200] if text.strip() else ""
    answer = f"{status} {said}".strip() if status is not None else said
    return ProbeResult(kind, ok, 1, at, ProbeSource.NOW, answer)
