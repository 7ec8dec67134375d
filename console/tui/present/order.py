"""Which pods are shown, in which order: kept up to date by what changed, so that ten thousand pods cost nothing."""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Collection

from console.model.state import View
from console.model.workload import Pod
from console.tui.present.pods import searchable

Key = tuple[int, str, str]


class PodOrder:
    """The uids of the pods that pass the filter, by service in the stack's order, then by name."""

    def __init__(self) -> None:
        self.pattern: re.Pattern[str] | None = None
        self.service = ""
        self._keys: list[Key] = []
        self._by_uid: dict[str, Key] = {}
        self._ranks: dict[str, int] = {}

    @property
    def uids(self) -> list[str]:
        """The uids in order."""
        return [key[2] for key in self._keys]

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def narrowed(self) -> bool:
        """True if a filter or the choice of a service hides pods."""
        return self.pattern is not None or bool(self.service)

    def rebuild(self, view: View) -> None:
        """Looks at every pod anew."""
        self._ranks = {service.name: rank for rank, service in enumerate(view.services)}
        shown = (self._key(pod) for pod in view.pods.values() if self._passes(pod))
        self._keys = sorted(shown)
        self._by_uid = {key[2]: key for key in self._keys}

    def update(self, view: View, changed: Collection[str]) -> bool:
        """Looks at what changed only; True if the order did."""
        moved = False
        for uid in changed:
            pod = view.pods.get(uid)
            before = self._by_uid.get(uid)
            after = self._key(pod) if pod is not None and self._passes(pod) else None
            if before != after:
                self._replace(uid, before, after)
                moved = True
        return moved

    def _replace(self, uid: str, before: Key | None, after: Key | None) -> None:
        if before is not None:
            del self._keys[bisect_left(self._keys, before)]
            del self._by_uid[uid]
        if after is not None:
            insort(self._keys, after)
            self._by_uid[uid] = after

    def _key(self, pod: Pod) -> Key:
        return self._ranks.get(pod.service, len(self._ranks)), pod.name, pod.uid

    def _passes(self, pod: Pod) -> bool:
        if self.service and pod.service != self.service:
            return False
        return self.pattern is None or self.pattern.search(searchable(pod)) is not None
