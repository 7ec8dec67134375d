"""One pod: its probes with their history, containers, conditions, events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import on
from textual.widget import Widget

from console.model.plan import ObjectRef
from console.model.state import View
from console.model.workload import Pod, ProbeKind, ProbeSpec
from console.tui.bindings import bindings
from console.tui.present.cells import Cell
from console.tui.present.details import PROBE_COLUMNS, pod_lines, probe_cells
from console.tui.present.lines import Line, faint, line, plain
from console.tui.present.services import lacking
from console.tui.screens.base import ConsoleScreen
from console.tui.widgets.reading import Reading
from console.tui.widgets.table import Table


class PodScreen(ConsoleScreen):
    """A pod in full, live.

    Args:
        uid: which one.
    """

    place = "pod"
    BINDINGS = bindings(place)
    CSS_PATH = "pod.tcss"

    def __init__(self, uid: str) -> None:
        super().__init__()
        self._uid = uid
        self._last: Pod | None = None
        self._specs: dict[str, tuple[str, ProbeSpec]] = {}

    def body(self) -> Iterable[Widget]:
        """Probes above, everything else below."""
        self._probes = Table(PROBE_COLUMNS, self._cells, title="Probes", id="probes")
        self._details = Reading(title="Pod", id="details")
        yield self._probes
        yield self._details

    def on_mount(self) -> None:
        """Shows what is known."""
        super().on_mount()
        self._probes.focus()

    @property
    def pod(self) -> Pod | None:
        """The pod as it is, None once it is gone."""
        return self.view.pods.get(self._uid) if self.view else None

    def take(self, view: View) -> None:
        """How it is now."""
        if view.changed_all or self._uid in view.changed:
            self._show(view)
        self.head()

    def tick(self, now: float) -> None:
        """Ages."""
        self.head()
        if self.view is not None:
            self._show(self.view)

    def _show(self, view: View) -> None:
        pod = self.pod
        if pod is None:
            self._details.entitle(self._last.name if self._last else "Pod", "gone")
            return
        self._last = pod
        self.heading = pod.name
        specs = ((container.name, spec) for container in pod.containers for spec in container.probes)
        self._specs = {f"{name} {spec.kind}": (name, spec) for name, spec in specs}
        if self._probes.keys == list(self._specs) and self._specs:
            self._probes.tick()
        else:
            self._probes.show(list(self._specs), [line(faint("no container of this pod is probed"))])
            self._probes.styles.height = max(1, len(self._specs)) + (3 if self._specs else 2)
        self._probes.entitle("Probes", lacking(view, "probes"))
        diagnoses = [each for each in view.diagnoses if each.subject == f"pod/{pod.name}"]
        events = self.console.events_of(self._uid)
        self._details.entitle(pod.name)
        self._details.show(pod_lines(view, pod, diagnoses, events, self.now, self.glyphs))

    def _cells(self, key: str) -> Sequence[Cell]:
        name, spec = self._specs[key]
        view = self.view
        result = view.probes.get(self._uid, {}).get((name, spec.kind)) if view else None
        past = self.console.bridge.history.get((self._uid, name, spec.kind), ())
        return probe_cells(name, spec, result, list(past), self.now, self.glyphs)

    # -- what can be done

    @on(Table.Opened)
    def action_probe_now(self) -> None:
        """Asks the selected probe's endpoint."""
        if self._probes.key:
            name, spec = self._specs[self._probes.key]
            self.run_worker(self._ask(name, spec.kind), exclusive=True, group="probe", name="probe now")

    async def _ask(self, container: str, kind: ProbeKind) -> None:
        engine = await self.console.connected()
        result = await self.attempt(lambda: engine.probe_now(self._uid, container, kind), self._complain)
        if result is not None:
            words = f"{container} {kind}: {'ok' if result.ok else 'failed'}  {result.answer}"
            self.notify(words, severity="information" if result.ok else "error", markup=False)

    def _complain(self, lines: list[Line]) -> None:
        self.notify("\n".join(map(plain, lines)), severity="warning", markup=False)

    def action_logs(self) -> None:
        """Follows its logs."""
        if self._last is not None:
            self.console.open_logs(pods=(self._last.name,))

    def action_previous_logs(self) -> None:
        """The logs from before its last restart."""
        if self._last is not None:
            self.console.open_logs(pods=(self._last.name,), previous=True)

    def action_yaml(self) -> None:
        """The pod as the cluster has it."""
        if self._last is not None:
            self.console.open_object(ObjectRef("v1", "Pod", self._last.namespace, self._last.name))

    def action_copy(self) -> None:
        """Copies its name, or what is said about it."""
        if self._details.has_focus:
            self.console.copy(self._details.text, f"all about {self._last.name if self._last else 'the pod'}")
        elif self._last is not None:
            self.console.copy(self._last.name, self._last.name)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There must be a probe to ask."""
        return bool(self._specs) if action == "probe_now" else True
