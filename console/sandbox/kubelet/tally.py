"""Counts of probe results, as `/metrics/probes` shows them."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

_HEAD = (
    "# HELP prober_probe_total [ALPHA] Cumulative number of a liveness, readiness or startup probe for a container"
    " by result.\n# TYPE prober_probe_total counter\n"
)


class Series(NamedTuple):
    """The labels of one counter; `probe_type` is `Readiness`, `Liveness` or `Startup`."""

    container: str
    namespace: str
    pod: str
    pod_uid: str
    probe_type: str
    result: str


class Tally:
    """Counters of probe results; a pod's go with the pod."""

    def __init__(self) -> None:
        self._counts: dict[str, dict[Series, int]] = defaultdict(lambda: defaultdict(int))

    def count(self, series: Series) -> None:
        """Adds one result."""
        self._counts[series.pod_uid][series] += 1

    def forget(self, pod_uid: str) -> None:
        """The pod is gone."""
        self._counts.pop(pod_uid, None)

    def text(self) -> str:
        """Prometheus' exposition format."""
        every = (each for counts in self._counts.values() for each in counts.items())
        return _HEAD + "".join(_line(series, count) for series, count in every)


def _line(series: Series, count: int) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in series._asdict().items())
    return f"prober_probe_total{{{labels}}} {count}\n"
