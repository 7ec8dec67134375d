"""Home: services, pods and probes, why something is wrong, and what happened."""

from __future__ import annotations

import re
from collections.abc import Iterable

from textual import on
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from console.model.plan import ObjectRef
from console.model.state import Freshness, View
from console.model.workload import Pod
from console.tui.bindings import bindings
from console.tui.present.lines import faint, line
from console.tui.present.services import activity_line, freshness
from console.tui.present.why import interruption_lines, why_lines
from console.tui.screens.base import ConsoleScreen
from console.tui.widgets.grid import PodTable, ServiceTable
from console.tui.widgets.prompt import FilterPrompt
from console.tui.widgets.reading import Reading
from console.tui.widgets.table import Table


class HomeScreen(ConsoleScreen):
    """The screen that everything else opens over."""

    place = "home"
    BINDINGS = bindings(place)
    CSS_PATH = "home.tcss"

    def __init__(self) -> None:
        super().__init__()
        self._activity: tuple[object, ...] | None = None
        self._connected = False

    def body(self) -> Iterable[Widget]:
        """The panes."""
        self._services = ServiceTable()
        self._pods = PodTable()
        self._why = Reading(title="Why", id="why")
        self._log = Reading(title="Activity", id="activity", at_end=True)
        yield Horizontal(
            self._services,
            Vertical(self._pods, FilterPrompt("regular expression: pod, service, state, node"), self._why),
            id="panes",
        )
        yield self._log

    def on_mount(self) -> None:
        """Says what it waits for."""
        self._pods.focus()
        self._without_connection()
        super().on_mount()

    # -- drawing

    def take(self, view: View) -> None:
        """What changed since."""
        self._pods.take(view)
        if not self._connected:
            self._connected = True
            self.refresh_bindings()
        self._services.take(view)
        self._show_activity(view)
        self._titles(view)
        self._explain()
        self.head()

    def tick(self, now: float) -> None:
        """Ages, and how stale it is."""
        view = self.view
        self.head()
        if view is None:
            self._without_connection()
            return
        self._pods.grow_older(now)
        self._titles(view)
        self._explain()

    def _show_activity(self, view: View) -> None:
        if view.activity is not self._activity:
            self._activity = view.activity
            lines = [activity_line(entry, self.glyphs) for entry in view.activity]
            self._log.show(lines or [line(faint("nothing has happened yet"))])

    def _titles(self, view: View) -> None:
        self._pods.retitle(view, self.now)
        self._services.retitle(view, self.now)
        self._log.entitle("Activity", freshness(view, "events", self.now)[0])
        self.set_class(view.freshness is Freshness.STALE, "-stale")

    def _without_connection(self) -> None:
        if self.view is None:
            self._pods.show((), self.console.connection_lines())
            waiting = [line(faint(self.console.standing.notice or "loading ..."))]
            self._services.show((), waiting)
            self._log.show(waiting)

    def _explain(self) -> None:
        view = self.view
        if view is not None:
            service, pod = self._selection()
            left = interruption_lines(self.console.interrupted, view.stack, self.glyphs)
            self._why.show([*left, *why_lines(view, service, pod, self.now, self.glyphs)])

    # -- what is selected

    def _selection(self) -> tuple[str, Pod | None]:
        """The selected service, and the selected pod where the pods have the focus."""
        if self._services.has_focus:
            return self._services.key, None
        pod = self._pods.pod
        return (pod.service, pod) if pod else (self._pods.order.service, None)

    @property
    def about_service(self) -> str:
        """The selected service, or that of the selected pod."""
        return self._selection()[0]

    @on(Table.Moved)
    def _moved(self) -> None:
        self._explain()

    def on_descendant_focus(self) -> None:
        """Why is about what has the focus."""
        self._explain()

    @on(Table.Opened)
    def action_open(self) -> None:
        """Opens the pod, or keeps to the pods of the service."""
        service, pod = self._selection()
        if pod is not None:
            self.console.open_pod(pod.uid)
        elif service in {each.name for each in (self.view.services if self.view else ())}:
            self._narrow(service, self._pods.order.pattern)
            self._pods.focus()

    def action_describe(self) -> None:
        """The pod in full; the pods of a service."""
        self.action_open()

    def action_logs(self) -> None:
        """Follows the logs of what is selected."""
        self._open_logs(previous=False)

    def action_previous_logs(self) -> None:
        """The logs from before the last restart."""
        self._open_logs(previous=True)

    def _open_logs(self, *, previous: bool) -> None:
        service, pod = self._selection()
        if pod is not None:
            self.console.open_logs(pods=(pod.name,), previous=previous)
        elif self.view is not None:
            known = {each.name for each in self.view.services}
            self.console.open_logs(services=(service,) if service in known else (), previous=previous)

    def action_yaml(self) -> None:
        """The pod, or the service's workloads, as the cluster has them."""
        service, pod = self._selection()
        if pod is not None:
            self.console.open_object(ObjectRef("v1", "Pod", pod.namespace, pod.name))
        elif self.view is not None:
            self.console.open_workload(service)

    def action_reconnect(self) -> None:
        """Connects now, without waiting for the next try."""
        self.console.hurry()

    def action_copy(self) -> None:
        """Copies the diagnosis, or the name of what is selected."""
        service, pod = self._selection()
        if self._why.has_focus or self._log.has_focus:
            pane = self._why if self._why.has_focus else self._log
            self.console.copy(pane.text, "the diagnosis" if pane is self._why else "the activity")
        elif pod is not None or service:
            name = pod.name if pod else service
            self.console.copy(name, name)

    # -- filter

    def action_filter(self) -> None:
        """Asks for a regular expression."""
        self.query_one(FilterPrompt).ask()

    @on(FilterPrompt.Changed)
    def _filtered(self, event: FilterPrompt.Changed) -> None:
        self._narrow(self._pods.order.service, event.pattern)
        if event.over:
            self._pods.focus()

    def action_back(self) -> None:
        """Shows all pods again."""
        self.query_one(FilterPrompt).clear()
        self._narrow("", None)
        self._pods.focus()

    def show_service(self, name: str) -> None:
        """Keeps to the pods of a service."""
        self._narrow(name, self._pods.order.pattern)
        self._services.select(name)
        self._pods.focus()

    def _narrow(self, service: str, pattern: re.Pattern[str] | None) -> None:
        self._pods.narrow(service, pattern)
        if self.view is not None:
            self._titles(self.view)
            self._explain()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which keys work: none that need a connection while there is none."""
        if action in {"open", "describe", "logs", "previous_logs", "yaml", "copy", "filter"}:
            return self.view is not None
        if action == "back":
            return self._pods.order.narrowed
        if action == "reconnect":
            return self.view is None
        return True
