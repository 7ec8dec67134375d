"""What pods should see of a changed ConfigMap or Secret: each container, each key, and which pods these are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from console.engine.waiting import newest
from console.engine.work import Work
from console.model.configuration import CONFIGURATION, Reading, Way, keys_of, plain_value, readings, values_of
from console.model.plan import ObjectRef
from console.model.stack import FIELD_MANAGER, JSON
from console.model.state import View
from console.model.workload import Pod, Workload

_LASTING = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"})
_ALIVE = frozenset({"Pending", "Running"})


@dataclass(frozen=True, slots=True)
class Claim:
    """A container should see a value: `value` is None where the key is gone, `before` what it was.

    `since` is when the API server took it, by its own clock, in seconds since the epoch.
    """

    reading: Reading
    value: bytes | None = field(repr=False)
    before: bytes | None = field(repr=False)
    since: float

    @property
    def by_itself(self) -> bool:
        """True if it comes to containers that run."""
        return self.reading.way is Way.FILE


def sent_before(work: Work) -> dict[ObjectRef, JSON]:
    """The ConfigMaps and Secrets that a run sent, as they were live before."""
    live = {state.declared.ref: state.live or {} for state in work.gathered.objects}
    return {ref: live.get(ref, {}) for ref in work.sent if ref.kind in CONFIGURATION}


def claims(work: Work, before: Mapping[ObjectRef, JSON]) -> tuple[Claim, ...]:
    """Every container of a workload that stays, and reads a key which is not as it was before."""
    return tuple(claim for ref, was in before.items() for claim in _claims(work, ref, was, before))


def _claims(work: Work, ref: ObjectRef, was: JSON, before: Mapping[ObjectRef, JSON]) -> Iterator[Claim]:
    bodies = [each.body for each in work.declared.values()]
    now = work.live.get(ref, {})
    old, new = values_of(was), values_of(now)
    changed = {key for key in {**old, **new} if old.get(key) != new.get(key)}
    keys = keys_of([*bodies, *before.values(), *work.live.values()])
    for each in readings(bodies, ref, {**keys, ref: {**old, **new}}):
        # A file that a container has read to its end is read again by the next pod.
        if each.key in changed and each.workload.kind in _LASTING and not (each.init and each.way is Way.FILE):
            yield Claim(each, _plain(ref, new.get(each.key)), _plain(ref, old.get(each.key)), _written(now))


def _plain(ref: ObjectRef, value: str | None) -> bytes | None:
    return None if value is None else plain_value(ref, value)


def _written(body: JSON) -> float:
    entries = (body.get("metadata") or {}).get("managedFields") or ()
    times = [str(each["time"]) for each in entries if each.get("manager") == FIELD_MANAGER and each.get("time")]
    return max((datetime.fromisoformat(each).timestamp() for each in times), default=0.0)


def workload_of(view: View, reading: Reading) -> Workload | None:
    """The workload of a reading, as it is observed."""
    ref = reading.workload
    found = (each for each in view.workloads.values() if (each.kind, each.name) == (ref.kind, ref.name))
    return next(found, None)


def pods_of(view: View, reading: Reading) -> list[Pod]:
    """The pods of a workload that read; only those of its newest template where no others ever see the change."""
    top = workload_of(view, reading)
    makers = {(each.kind, each.name): each for each in view.workloads.values()}
    fresh = {pod.uid for pod in newest(view, reading.service)} if reading.way.restarts else view.pods.keys()
    found = []
    for pod in view.pods.values():
        maker = makers.get((pod.owner_kind, pod.owner_name))
        its = top is not None and maker is not None and top.uid in {maker.uid, maker.owner_uid}
        if its and pod.uid in fresh and pod.deleting is None and pod.phase in _ALIVE:
            found.append(pod)
    return found
