"""The cluster's events as they are kept: bounded, and found by what they are about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from console.model.workload import ClusterEvent

LIMIT = 5000
"""Events that are kept; the ones heard of longest ago go first."""


class EventBook:
    """The events of the namespace.

    Attributes:
        events: by uid, the ones heard of last at the end.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.events: dict[str, ClusterEvent] = {}
        self._limit = limit
        self._about: defaultdict[str, dict[str, None]] = defaultdict(dict)

    def put(self, event: ClusterEvent) -> ClusterEvent | None:
        """Takes in an event, new or counted up; what it was before."""
        before = self.events.pop(event.uid, None)
        self.events[event.uid] = event
        self._about[event.about_uid][event.uid] = None
        if len(self.events) > self._limit:
            self._drop(next(iter(self.events)))
        return before

    def keep(self, uids: Collection[str]) -> None:
        """Forgets all events but these."""
        for uid in [uid for uid in self.events if uid not in uids]:
            self._drop(uid)

    def about(self, uid: str) -> list[ClusterEvent]:
        """The events about an object, the newest first."""
        found = [self.events[each] for each in self._about.get(uid, ())]
        return sorted(found, key=lambda event: event.last, reverse=True)

    def _drop(self, uid: str) -> None:
        about = self.events.pop(uid).about_uid
        self._about[about].pop(uid, None)
        if not self._about[about]:
            del self._about[about]
