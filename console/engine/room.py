"""Do the nodes have room for the pods that an operation adds: a warning, for a cluster may grow by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from console.engine.ports import Cluster
from console.engine.together import both
from console.model.errors import DeniedError
from console.model.gathered import ObjectState
from console.model.headroom import room_for
from console.model.plan import Check
from console.model.podspec import pod_spec
from console.model.stack import JSON


@dataclass(frozen=True, slots=True)
class _Growth:
    name: str
    spec: JSON
    more: int


async def check_room(objects: Sequence[ObjectState], cluster: Cluster) -> list[Check]:
    """One row for each workload that gets more pods; none if nothing grows."""
    growing = list(_growing(objects))
    if not growing:
        return []
    try:
        nodes, pods = await both(cluster.list("v1", "Node"), cluster.list("v1", "Pod"), "preflight: room")
    except DeniedError as error:
        return [Check("nodes", None, f"whether there is room for more pods is not known: {error.what}", error.hint)]
    return [_row(each, *room_for(each.spec, each.more, nodes, pods)) for each in growing]


def _growing(objects: Sequence[ObjectState]) -> Iterator[_Growth]:
    for state in objects:
        spec, live = pod_spec(state.declared.body), state.live or {}
        wanted, now = ((each.get("spec") or {}).get("replicas") for each in (state.declared.body, live))
        if spec and wanted is not None and now is not None and wanted > now:
            yield _Growth(str(state.declared.ref), spec, wanted - now)


def _row(growth: _Growth, placed: int, short: str) -> Check:
    if not short:
        return Check("nodes", True, f"room for {growth.more} more pods of {growth.name}")
    words = f"room for {placed} of {growth.more} more pods of {growth.name}; the others lack {short}"
    return Check("nodes", None, words, "scale to less, lower the requests, or add nodes")
