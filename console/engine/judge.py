"""Keeps the diagnoses current: looks again only at pods about which something new is known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from console.engine.events import EventBook
from console.engine.members import Members
from console.model.diagnosing import Sight, diagnose, diagnose_external, diagnose_pod, workload
from console.model.diagnosis import Diagnosis
from console.model.probing import Results, was_ready
from console.model.surroundings import Surroundings
from console.model.workload import External, Pod


class Judge:
    """Diagnoses by service, made from what the store holds.

    Args:
        members: pods and workloads.
        book: events.
        probes: the last known results, by pod uid.
    """

    def __init__(self, members: Members, book: EventBook, probes: Mapping[str, Results]) -> None:
        self._members = members
        self._book = book
        self._probes = probes
        self._around = Surroundings()
        self._suspects: set[str] = set()
        self._findings: dict[str, tuple[Diagnosis, ...]] = {}
        self._unwell: defaultdict[str, set[str]] = defaultdict(set)
        self._clues: defaultdict[str, dict[str, str]] = defaultdict(dict)

    def surround(self, around: Surroundings) -> None:
        """Takes in what the stack stands on; externals and changes that were told stay."""
        self._around = replace(around, externals=self._around.externals, changed=self._around.changed)
        self._suspects |= set(self._findings)

    def change(self, changes: Mapping[str, str]) -> None:
        """Takes in what the newest release changed, by service."""
        self._around = replace(self._around, changed=changes)
        self._suspects |= set(self._findings)

    def external(self, external: External) -> None:
        """Takes in an external as it was checked."""
        before = self._around.externals.get(external.name)
        self._around = replace(self._around, externals={**self._around.externals, external.name: external})
        if before is None or (before.ok, before.detail) != (external.ok, external.detail):
            self._suspects |= set(self._findings)

    def clue(self, uid: str, container: str, text: str) -> None:
        """Takes in what a closer look at a pod brought."""
        self._clues[uid][container] = text
        self._suspects.add(uid)

    def suspect(self, uid: str) -> None:
        """Something new is known about the pod."""
        self._suspects.add(uid)

    def forget(self, pod: Pod) -> None:
        """The pod is gone."""
        self._suspects.discard(pod.uid)
        self._clues.pop(pod.uid, None)
        self._note(pod, ())

    def examine(self) -> None:
        """Looks at all suspects; their services count as touched where that brought something new."""
        for uid in self._suspects:
            if pod := self._members.pods.get(uid):
                self._note(pod, self._diagnose(pod))
        self._suspects.clear()

    def _diagnose(self, pod: Pod) -> tuple[Diagnosis, ...]:
        probes = self._probes.get(pod.uid, {})
        if pod.ready and all(result.ok is not False for result in probes.values()):
            return ()
        clues = self._clues.get(pod.uid, {})
        return diagnose_pod(Sight(pod, self._book.about(pod.uid), probes, clues, self._around))

    def _note(self, pod: Pod, found: tuple[Diagnosis, ...]) -> None:
        before = self._findings.pop(pod.uid, ())
        if before:
            self._unwell[before[0].service].discard(pod.uid)
        if found:
            self._findings[pod.uid] = found
            self._unwell[pod.service].add(pod.uid)
        if found != before:
            self._members.touched |= {pod.service, *(each.service for each in before)}

    def of_service(self, service: str) -> tuple[tuple[Diagnosis, ...], bool]:
        """A service's diagnoses, and whether a pod of it that has served does not any more."""
        unwell = [self._members.pods[uid] for uid in self._unwell.get(service, ()) if uid in self._members.pods]
        current = sorted(
            (pod for pod in unwell if not self._members.outdated(pod)), key=lambda pod: (pod.created, pod.name)
        )
        findings = [each for pod in current for each in self._findings[pod.uid]]
        leaving = self._members.leaving(service)
        for each in self._members.workloads_of(service):
            findings += workload(each, self._book.about(each.uid), self._around, leaving=leaving)
        return diagnose(findings), any(was_ready(pod, each) for pod in current for each in pod.containers)

    def of_externals(self) -> tuple[Diagnosis, ...]:
        """What is wrong with externals themselves."""
        return tuple(found for each in self._around.externals.values() for found in diagnose_external(each))
