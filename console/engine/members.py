"""Which service a pod belongs to: by its own label, else by the workload that made it, however indirectly."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from console.model.standing import Crew
from console.model.workload import Pod, Workload

K = TypeVar("K")
_MAKERS = {"ReplicaSet": "Deployment", "Job": "CronJob"}
_ENDED = ("Succeeded", "Failed")


class Members:
    """All pods and workloads of the namespace, and who belongs to whom. They may be told in any order.

    Attributes:
        pods: by uid, with their service filled in.
        workloads: likewise.
        touched: services with a change since this was last emptied.
    """

    def __init__(self) -> None:
        self.pods: dict[str, Pod] = {}
        self.workloads: dict[str, Workload] = {}
        self.touched: set[str] = set()
        self._declared: Mapping[tuple[str, str], str] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._owned_pods: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._owned_workloads: defaultdict[str, set[str]] = defaultdict(set)
        self._workloads_of: defaultdict[str, set[str]] = defaultdict(set)
        self._there: Counter[str] = Counter()
        self._ready: Counter[str] = Counter()
        self._leaving: Counter[str] = Counter()

    def declare(self, workloads: Mapping[tuple[str, str], str]) -> None:
        """The services of declared workloads, by kind and name: for whose makers are not watched."""
        self._declared = workloads

    # -- pods

    def put_pod(self, pod: Pod) -> None:
        """Takes in a pod, new or changed."""
        before = self.pods.get(pod.uid)
        service = pod.service or self._service_of((pod.owner_kind, pod.owner_name))
        if service != pod.service:
            pod = replace(pod, service=service)
        if before:
            self._count(before, -1)
        else:
            self._owned_pods[pod.owner_kind, pod.owner_name].add(pod.uid)
        self.pods[pod.uid] = pod
        self._count(pod, 1)

    def drop_pod(self, uid: str) -> Pod | None:
        """Forgets a pod; what it was, None if it was not known."""
        pod = self.pods.pop(uid, None)
        if pod:
            self._count(pod, -1)
            _discard(self._owned_pods, (pod.owner_kind, pod.owner_name), uid)
        return pod

    def _count(self, pod: Pod, by: int) -> None:
        service = pod.service
        self.touched.add(service)
        if pod.deleting is not None:
            self._leaving[service] += by
        elif pod.phase not in _ENDED:
            self._there[service] += by
        if pod.ready:
            self._ready[service] += by

    # -- workloads

    def put_workload(self, workload: Workload) -> set[str]:
        """Takes in a workload, new or changed; the uids of pods whose service is another one by that."""
        before = self.workloads.get(workload.uid)
        owner = self.workloads.get(workload.owner_uid)
        service = workload.service or (owner.service if owner else "") or self._by_name(workload.kind, workload.name)
        if service != workload.service:
            workload = replace(workload, service=service)
        if before:
            self._workloads_of[before.service].discard(before.uid)
            self.touched.add(before.service)
        self.workloads[workload.uid] = workload
        self._names[workload.kind, workload.name] = workload.uid
        self._owned_workloads[workload.owner_uid].add(workload.uid)
        self._workloads_of[workload.service].add(workload.uid)
        self.touched.add(workload.service)
        return self._hand_down(workload) if not before or before.service != workload.service else set()

    def drop_workload(self, uid: str) -> None:
        """Forgets a workload."""
        workload = self.workloads.pop(uid, None)
        if workload is None:
            return
        if self._names.get((workload.kind, workload.name)) == uid:
            del self._names[workload.kind, workload.name]
        _discard(self._owned_workloads, workload.owner_uid, uid)
        _discard(self._workloads_of, workload.service, uid)
        self.touched.add(workload.service)

    def _hand_down(self, workload: Workload) -> set[str]:
        """What a workload owns is of its service."""
        moved: set[str] = set()
        for uid in list(self._owned_workloads.get(workload.uid, ())):
            moved |= self.put_workload(self.workloads[uid]) if not self.workloads[uid].service else set()
        for uid in self._owned_pods.get((workload.kind, workload.name), ()):
            if self.pods[uid].service != workload.service:
                self.put_pod(replace(self.pods[uid], service=workload.service))
                moved.add(uid)
        return moved

    def _service_of(self, owner: tuple[str, str]) -> str:
        uid = self._names.get(owner)
        return self.workloads[uid].service if uid else self._by_name(*owner)

    def _by_name(self, kind: str, name: str) -> str:
        """By the maker whose name is in its own: Deployment web makes ReplicaSet web-7c9f, CronJob tidy Job tidy-1."""
        parent = (_MAKERS.get(kind, ""), name.rpartition("-")[0])
        return self._declared.get((kind, name)) or self._declared.get(parent, "")

    # -- questions

    def crew(self, service: str) -> Crew:
        """How many pods a service has, and how many of them serve."""
        return Crew(self._there[service], self._ready[service])

    def leaving(self, service: str) -> bool:
        """True while pods of the service are being deleted."""
        return self._leaving[service] > 0

    def workloads_of(self, service: str) -> list[Workload]:
        """The service's own workloads, without those that another one made; by name."""
        found = (self.workloads[uid] for uid in self._workloads_of.get(service, ()))
        own = (each for each in found if each.owner_uid not in self.workloads)
        return sorted(own, key=lambda each: (each.kind, each.name))

    def outdated(self, pod: Pod) -> bool:
        """True if the pod is of an earlier template than its workload's newest, and about to be replaced."""
        uid = self._names.get((pod.owner_kind, pod.owner_name))
        owner = self.workloads.get(uid or "")
        if owner is None:
            return False
        top = self.workloads.get(owner.owner_uid, owner)
        if top.observed_generation < top.generation:
            return True
        if top.kind == "StatefulSet":
            return bool(top.revision) and pod.revision != top.revision
        return top.kind == "Deployment" and owner.revision != top.revision

    def missing(self, kind: str, uids: Iterable[str]) -> list[str]:
        """The uids of the known workloads of a kind that are not among these."""
        there = set(uids)
        return [uid for uid, each in self.workloads.items() if each.kind == kind and uid not in there]


def _discard(index: dict[K, set[str]], key: K, uid: str) -> None:
    members = index.get(key, set())
    members.discard(uid)
    if not members:
        index.pop(key, None)
