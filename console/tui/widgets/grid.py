"""The live grid: services, and pods with their probes; at home, and beside every panel that changes something."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from console.model.state import Freshness, View
from console.model.wording import number
from console.model.workload import Pod
from console.tui.present.cells import Cell
from console.tui.present.lines import Line, Tone
from console.tui.present.order import PodOrder
from console.tui.present.pods import COLUMNS as POD_COLUMNS
from console.tui.present.pods import pod_cells
from console.tui.present.services import COLUMNS as SERVICE_COLUMNS
from console.tui.present.services import empty_pods, external_cells, freshness, lacking, service_cells
from console.tui.widgets.table import Table

if TYPE_CHECKING:
    from console.model.state import ServiceView
    from console.model.workload import External
    from console.tui.app import ConsoleApp


class ServiceTable(Table):
    """Services and externals, one a row."""

    def __init__(self) -> None:
        super().__init__(SERVICE_COLUMNS, self._row_cells, title="Services", titles=False, id="services")
        self._services: dict[str, ServiceView] = {}
        self._externals: dict[str, External] = {}

    def take(self, view: View) -> None:
        """What changed since."""
        self._services = {service.name: service for service in view.services}
        self._externals = {external.name: external for external in view.externals}
        names = [*self._services, *self._externals]
        if self.keys != names:
            self.show(names)
        else:
            self.tick()

    def retitle(self, view: View, now: float) -> None:
        """How fresh it is."""
        self.entitle("Services", freshness(view, "deployments", now)[0])

    def _row_cells(self, name: str) -> Sequence[Cell]:
        if service := self._services.get(name):
            return service_cells(service, self.glyphs)
        return external_cells(self._externals[name], self.glyphs)


class PodTable(Table):
    """Pods and their probes, one a row.

    Attributes:
        order: which are shown, in which order.
    """

    def __init__(self) -> None:
        super().__init__(POD_COLUMNS, self._row_cells, title="Pods and probes", id="pods")
        self.order = PodOrder()
        self._view: View | None = None

    @property
    def pod(self) -> Pod | None:
        """The pod that the cursor stands on."""
        return self._view.pods.get(self.key) if self._view else None

    def take(self, view: View) -> None:
        """What changed since."""
        self._view = view
        if view.changed_all:
            self.order.rebuild(view)
            self._show_all(view)
        elif self.order.update(view, view.changed) or not len(self.order):
            self._show_all(view)
        else:
            self.update(view.changed)

    def grow_older(self, now: float) -> None:
        """Time has passed: ages, and what stands in place of pods."""
        self.tick()
        if self._view is not None and not len(self.order):
            self._show_all(self._view)

    def narrow(self, service: str, pattern: re.Pattern[str] | None) -> None:
        """Keeps to the pods of a service ("" for all) in which a pattern is found."""
        self.order.service, self.order.pattern = service, pattern
        if self._view is not None:
            self.order.rebuild(self._view)
            self._show_all(self._view)

    def retitle(self, view: View, now: float) -> None:
        """How many are shown, of which service, how fresh they are."""
        shown, total = len(self.order), len(view.pods)
        count = f"{shown:,} of {number(total, 'pod')}" if self.order.narrowed else number(total, "pod")
        known = count if view.freshness in {Freshness.LIVE, Freshness.STALE} else ""
        narrowed = f"  {self.order.service}" if self.order.service else ""
        narrowed += f"  /{self.order.pattern.pattern}/" if self.order.pattern else ""
        besides = lacking(view, "probes", "usage") if known else ""
        told = (known, freshness(view, "pods", now)[0], besides)
        self.entitle(f"Pods and probes{narrowed}", "  ".join(filter(None, told)))

    def _show_all(self, view: View) -> None:
        self.show(self.order.uids, self._instead_of_pods(view))

    def _instead_of_pods(self, view: View) -> list[Line]:
        return empty_pods(view, self._now, self.order.narrowed)

    @property
    def _now(self) -> float:
        return cast("ConsoleApp", self.app).clock()

    def _row_cells(self, uid: str) -> Sequence[Cell]:
        pod = self._view.pods.get(uid) if self._view else None
        if self._view is None or pod is None:
            return [("", Tone.PLAIN)] * len(POD_COLUMNS)
        return pod_cells(self._view, pod, self._now, self.glyphs)
