"""Deployments: roll a template out over ReplicaSets (`pkg/controller/deployment`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from console.sandbox.api.errors import StatusError
from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object
from console.sandbox.api.selectors import Selector
from console.sandbox.controllers import ownership, progress, revisions
from console.sandbox.controllers.pod import Pod
from console.sandbox.controllers.pods import PodCache
from console.sandbox.controllers.rollout import Bounds, new_size, old_sizes
from console.sandbox.controllers.runtime import Controller, controller_of, deleting, itself, key_of
from console.sandbox.controllers.sizes import Sizes
from console.sandbox.controllers.status import condition, find, set_status
from console.sandbox.store import Change, Key


class Deployments(Controller):
    """Brings the ReplicaSets of Deployments to where the strategy allows them to be, step by step.

    Args:
        machinery: the cluster.
        pods: its pods; Recreate waits until the old ones are gone.
    """

    name = "deployment-controller"

    def __init__(self, machinery: Machinery, pods: PodCache) -> None:
        super().__init__(machinery)
        self._pods = pods
        self._sizes = Sizes(machinery, self.event)

    def start(self) -> None:
        """Follows Deployments, their ReplicaSets, and the end of pods."""
        self.follow("deployments", itself)
        self.follow("replicasets", self._owner)
        self._ends.append(self._pods.follow(self._pod_changed))

    def _owner(self, change: Change) -> Iterable[Key]:
        owner = controller_of(change.object)
        namespace = change.entry.key.namespace
        if owner:
            return [Key("deployments", namespace, owner["name"])] if owner["kind"] == "Deployment" else []
        return [
            entry.key
            for entry in self.machinery.store.entries("deployments", namespace)
            if _selects(entry.object, change.entry.labels)
        ]

    def _pod_changed(self, after: Pod | None, before: Pod | None) -> None:
        """A pod that is gone may be what a Recreate waits for."""
        if after is None and before and before.owner_key:
            replica_set = self.machinery.find(*before.owner_key)
            owner = controller_of(replica_set) if replica_set else None
            if owner and owner["kind"] == "Deployment":
                self.queue.add(Key("deployments", before.key.namespace, owner["name"]))

    # -- one Deployment

    def reconcile(self, key: Key) -> float | None:
        """Takes the next step of one Deployment's rollout; each step causes the change that leads to the following."""
        deployment = self.machinery.find(*key)
        if deployment is None:
            return None
        if not (deployment["spec"].get("selector") or {}):
            return None
        sets = self._claim(deployment)
        if deleting(deployment):
            return self._report(deployment, revisions.find_new(deployment, sets), sets)
        deployment = self._note_pause(key, deployment)
        if deployment["spec"].get("paused") or _being_scaled(deployment, sets):
            return self._sync(deployment, sets)
        if deployment["spec"]["strategy"]["type"] == "Recreate":
            return self._recreate(deployment, sets)
        return self._roll(deployment, sets)

    def _claim(self, deployment: Object) -> list[Object]:
        """The ReplicaSets of a Deployment, after adopting and releasing."""
        metadata, uid = deployment["metadata"], deployment["metadata"]["uid"]
        selector = Selector.of(deployment["spec"]["selector"]) or Selector()
        for entry in self.machinery.store.entries("replicasets", metadata["namespace"]):
            if entry.controller not in ("", uid):
                continue
            matches = selector.matches(entry.labels)
            if entry.controller and not matches:
                ownership.release(self.machinery, "replicasets", entry.key, uid)
            elif not entry.controller and matches and not deleting(entry.object) and not deleting(deployment):
                ownership.adopt(self.machinery, "replicasets", entry.key, deployment)
        return self.machinery.owned_by(uid, "replicasets")

    def _note_pause(self, key: Key, deployment: Object) -> Object:
        def change(obj: Object) -> None:
            status = obj.setdefault("status", {})
            conditions = progress.pausing(obj, status.get("conditions", []))
            if conditions:
                status["conditions"] = conditions

        return self.machinery.mutate(*key, change, subresource="status")

    # -- the ways to go on

    def _sync(self, deployment: Object, sets: list[Object]) -> float | None:
        """Paused, or scaled in the middle of a rollout: sizes follow, the rollout does not go on."""
        new, old = self._settle_new(deployment, sets, create=False)
        self._sizes.spread(deployment, new, old)
        if deployment["spec"].get("paused"):
            self._sizes.forget_old(deployment, old)
        return self._report(*self._again(deployment, new))

    def _roll(self, deployment: Object, sets: list[Object]) -> float | None:
        new, old = self._settle_new(deployment, sets, create=True)
        if new is None:
            return self._report(deployment, None, old)
        bounds, oldest = Bounds.of(deployment), revisions.oldest_first(old)
        total = sum(revisions.size(each) for each in sets if each["metadata"]["uid"] != new["metadata"]["uid"])
        wanted = new_size(bounds, revisions.counted(new), total + revisions.size(new))
        if wanted != revisions.size(new):
            self._sizes.set(deployment, new, wanted)
        else:
            sizes = old_sizes(bounds, revisions.counted(new), [revisions.counted(each) for each in oldest])
            for each, size in zip(oldest, sizes, strict=True):
                self._sizes.set(deployment, each, size)
        if progress.complete(deployment, deployment.get("status") or {}):
            self._sizes.forget_old(deployment, old)
        return self._report(*self._again(deployment, new))

    def _recreate(self, deployment: Object, sets: list[Object]) -> float | None:
        new, old = self._settle_new(deployment, sets, create=False)
        active = [each for each in old if revisions.size(each)]
        for each in active:
            self._sizes.set(deployment, each, 0)
        if not active and not self._old_pods_run(old):
            new, old = self._settle_new(deployment, [*old, *([new] if new else [])], create=True)
            if new:
                self._sizes.set(deployment, new, deployment["spec"].get("replicas", 1))
            if progress.complete(deployment, deployment.get("status") or {}):
                self._sizes.forget_old(deployment, old)
        return self._report(*self._again(deployment, new))

    def _old_pods_run(self, old: Sequence[Object]) -> bool:
        pods = (pod for each in old for pod in self._pods.owned(each["metadata"]["uid"]))
        return any(not pod.finished for pod in pods)

    def _again(self, deployment: Object, new: Object | None) -> tuple[Object, Object | None, list[Object]]:
        """All of it as it is after the writes of this step."""
        metadata = deployment["metadata"]
        current = self.machinery.get("deployments", metadata["namespace"], metadata["name"])
        sets = self.machinery.owned_by(metadata["uid"], "replicasets")
        uid = new["metadata"]["uid"] if new else ""
        return current, next((each for each in sets if each["metadata"]["uid"] == uid), None), sets

    # -- the new ReplicaSet

    def _settle_new(
        self, deployment: Object, sets: list[Object], *, create: bool
    ) -> tuple[Object | None, list[Object]]:
        """The new ReplicaSet, numbered and made if need be, and the old ones."""
        new = revisions.find_new(deployment, sets)
        old = [each for each in sets if each is not new]
        revision = max((revisions.revision(each) for each in old), default=0) + 1
        if new is None and create:
            new = self._create_new(deployment, old, revision)
        elif new:
            new = self._number(deployment, new, revision)
        if new:
            self._note_revision(deployment, new)
        return new, old

    def _number(self, deployment: Object, new: Object, revision: int) -> Object:
        def change(obj: Object) -> None:
            revisions.annotate(obj, deployment, revision)
            obj["spec"]["minReadySeconds"] = deployment["spec"].get("minReadySeconds", 0)
            if not obj["spec"]["minReadySeconds"]:
                del obj["spec"]["minReadySeconds"]

        numbered = self.machinery.mutate(*key_of("replicasets", new), change)
        if not find((deployment.get("status") or {}).get("conditions"), "Progressing"):
            message = f'Found new replica set "{new["metadata"]["name"]}"'
            self._set_condition(deployment, condition("Progressing", True, "FoundNewReplicaSet", message))
        return numbered

    def _create_new(self, deployment: Object, old: list[Object], revision: int) -> Object | None:
        bounds = Bounds.of(deployment)
        rolling = deployment["spec"]["strategy"]["type"] == "RollingUpdate"
        room = bounds.most - sum(revisions.size(each) for each in old) if rolling else bounds.replicas
        size = min(max(room, 0), bounds.replicas)
        try:
            new = revisions.create(self.machinery, deployment, revision, size)
        except StatusError as error:
            name = deployment["metadata"]["name"]
            message = f'Failed to create new replica set "{name}": {error.message}'
            self._set_condition(deployment, condition("Progressing", False, "ReplicaSetCreateError", message))
            self.event(deployment, "Warning", "ReplicaSetCreateError", message)
            raise
        if new is None:
            self._count_collision(deployment)
            return None
        name = new["metadata"]["name"]
        if size:
            message = f"Scaled up replica set {name} from 0 to {size}"
            self.event(deployment, "Normal", "ScalingReplicaSet", message)
        created = condition("Progressing", True, "NewReplicaSetCreated", f'Created new replica set "{name}"')
        self._set_condition(deployment, created)
        return new

    def _count_collision(self, deployment: Object) -> None:
        def change(obj: Object) -> None:
            status = obj.setdefault("status", {})
            status["collisionCount"] = status.get("collisionCount", 0) + 1

        self.machinery.mutate(*key_of("deployments", deployment), change, subresource="status")

    def _note_revision(self, deployment: Object, new: Object) -> None:
        def change(obj: Object) -> None:
            obj["metadata"].setdefault("annotations", {})[revisions.REVISION] = str(revisions.revision(new))

        self.machinery.mutate(*key_of("deployments", deployment), change)

    def _set_condition(self, deployment: Object, new: Object) -> None:
        def change(obj: Object) -> None:
            status = obj.setdefault("status", {})
            status["conditions"] = progress.set_condition(status.get("conditions", []), new)

        if progress.has_deadline(deployment):
            self.machinery.mutate(*key_of("deployments", deployment), change, subresource="status")

    # -- status

    def _report(self, deployment: Object, new: Object | None, sets: list[Object]) -> float | None:
        """Writes the status; returns the seconds until the progress deadline."""
        status = progress.counts(deployment, new, sets)
        conditions = (deployment.get("status") or {}).get("conditions", [])
        conditions = progress.set_condition(conditions, progress.availability(deployment, status))
        if not deployment["spec"].get("paused"):
            conditions = progress.progress(deployment, status, new, conditions)
            conditions = progress.failure(new, sets, conditions)
        set_status(self.machinery, key_of("deployments", deployment), status | {"conditions": conditions})
        if progress.complete(deployment, status) or deployment["spec"].get("paused"):
            return None
        left = progress.time_left(deployment, find(conditions, "Progressing"))
        return None if left is None else left + 1


def _selects(deployment: Object, labels: dict[str, str]) -> bool:
    selector = Selector.of(deployment["spec"].get("selector"))
    return selector is not None and bool(selector.requirements) and selector.matches(labels)


def _being_scaled(deployment: Object, sets: list[Object]) -> bool:
    """The wanted number has changed since the ReplicaSets in use were last sized."""
    wanted = deployment["spec"].get("replicas", 1)
    noted = (revisions.number(each, revisions.DESIRED) for each in sets if revisions.size(each))
    return any(each is not None and each != wanted for each in noted)
