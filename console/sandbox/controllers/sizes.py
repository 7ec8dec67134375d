"""Setting the sizes of a Deployment's ReplicaSets, and removing those that history no longer needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object
from console.sandbox.controllers import revisions
from console.sandbox.controllers.rollout import Bounds, proportional
from console.sandbox.controllers.runtime import deleting, key_of

Tell = Callable[[Object, str, str, str], None]


class Sizes:
    """Writes the sizes.

    Args:
        machinery: the cluster.
        tell: records an Event: about, type, reason, message.
    """

    def __init__(self, machinery: Machinery, tell: Tell) -> None:
        self._machinery = machinery
        self._tell = tell

    def set(self, deployment: Object, replica_set: Object, wanted: int) -> None:
        """Sets the size of one ReplicaSet, and notes what the Deployment wants by now."""
        before, bounds = revisions.size(replica_set), Bounds.of(deployment)

        def change(obj: Object) -> None:
            obj["spec"]["replicas"] = wanted
            revisions.note_sizes(obj, bounds)

        if wanted == before and revisions.number(replica_set, revisions.DESIRED) == bounds.replicas:
            return
        self._machinery.mutate(*key_of("replicasets", replica_set), change)
        if wanted != before:
            way = "up" if wanted > before else "down"
            name = replica_set["metadata"]["name"]
            message = f"Scaled {way} replica set {name} from {before} to {wanted}"
            self._tell(deployment, "Normal", "ScalingReplicaSet", message)

    def spread(self, deployment: Object, new: Object | None, old: Sequence[Object]) -> None:
        """Gives a new number of replicas to the ReplicaSets there are, in proportion to their sizes."""
        bounds = Bounds.of(deployment)
        active = [each for each in (*old, new) if each and revisions.size(each)]
        if len(active) <= 1:
            only = active[0] if active else new or max(old, key=_created, default=None)
            if only:
                self.set(deployment, only, bounds.replicas)
        elif new and _saturated(new, bounds):
            for each in old:
                self.set(deployment, each, 0)
        elif deployment["spec"]["strategy"]["type"] == "RollingUpdate":
            self._spread(deployment, bounds, active)

    def _spread(self, deployment: Object, bounds: Bounds, active: list[Object]) -> None:
        growing = bounds.most > sum(revisions.size(each) for each in active)
        by_age = sorted(active, key=_created, reverse=growing)
        ordered = sorted(by_age, key=revisions.size, reverse=True)
        fallback = (deployment.get("status") or {}).get("replicas", 0)
        before = [revisions.number(each, revisions.MOST) or fallback for each in ordered]
        sizes = proportional(bounds, [revisions.size(each) for each in ordered], before)
        for each, size in zip(ordered, sizes, strict=True):
            self.set(deployment, each, size)

    def forget_old(self, deployment: Object, old: Sequence[Object]) -> None:
        """Removes the oldest ReplicaSets beyond the history that is kept."""
        limit = deployment["spec"].get("revisionHistoryLimit")
        alive = sorted((each for each in old if not deleting(each)), key=revisions.revision)
        for each in alive[: max(len(alive) - limit, 0)] if limit is not None else ():
            observed = revisions.count(each, "observedGeneration") >= each["metadata"].get("generation", 0)
            if observed and not revisions.size(each) and not revisions.count(each, "replicas"):
                self._machinery.delete(*key_of("replicasets", each), propagation="Background")


def _created(replica_set: Object) -> tuple[str, int]:
    return replica_set["metadata"]["creationTimestamp"], revisions.revision(replica_set)


def _saturated(new: Object, bounds: Bounds) -> bool:
    """The new ReplicaSet has all the pods that are wanted, so the old ones are not needed."""
    desired = revisions.number(new, revisions.DESIRED)
    return desired == bounds.replicas == revisions.size(new) == revisions.count(new, "availableReplicas")
