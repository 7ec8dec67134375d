"""The probes of a container while it runs, with delays, periods and thresholds (`pkg/kubelet/prober/worker.go`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from console.sandbox.api.resources import Object
from console.sandbox.kubelet.probes import Probes, Result, Target
from console.sandbox.kubelet.tally import Series, Tally


@dataclass(slots=True)
class Prober:
    """One probe of one container, made again and again.

    Attributes:
        kind: `Startup`, `Readiness` or `Liveness`.
        spec: the Probe.
        scale: multiplies delay and period.
        age: seconds that the container has run when this begins.
        known: the result that holds before the first one.
        settled: is told each time the thresholds turn the result.
        failed: is told of each failure, with the words of the Event.
    """

    kind: str
    spec: Object
    target: Target
    probes: Probes
    tally: Tally
    labels: tuple[str, str, str, str]
    scale: float
    age: float
    known: bool | None
    settled: Callable[[bool], None]
    failed: Callable[[str], None]

    async def run(self) -> None:
        """Probes until cancelled; those whose failure ends the container stop then."""
        loop = asyncio.get_running_loop()
        delay = float(self.spec.get("initialDelaySeconds") or 0) * self.scale - self.age
        period = float(self.spec.get("periodSeconds") or 10) * self.scale
        due = loop.time() + max(delay, 0.0)
        last, streak = None, 0
        known = self.known
        while True:
            await asyncio.sleep(due - loop.time())
            due = max(due + period, loop.time())
            ok = await self._once()
            if ok is None:
                continue
            last, streak = ok, streak + 1 if ok == last else 1
            if streak < self._threshold(ok) or ok == known:
                continue
            known = ok
            self.settled(ok)
            if self.kind == "Startup" or (self.kind == "Liveness" and not ok):
                return

    def _threshold(self, ok: bool) -> int:
        return int(self.spec.get("successThreshold" if ok else "failureThreshold") or (1 if ok else 3))

    async def _once(self) -> bool | None:
        result = await self.probes.probe(self.spec, self.target)
        self._count(result)
        if result.ok is None:
            self.failed(f"{self.kind} probe errored: {result.output}")
        elif not result.ok:
            self.failed(f"{self.kind} probe failed: {result.output}")
        return result.ok

    def _count(self, result: Result) -> None:
        word = {True: "successful", False: "failed", None: "unknown"}[result.ok]
        self.tally.count(Series(*self.labels, self.kind, word))
