"""Plan: what a run would do, before it does it. Nothing happens before Enter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from textual import on
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Static

from console.engine.operate import CAN_ROLL_BACK, ROLLS_BACK
from console.model.operations import Operation
from console.model.plan import Plan, Step
from console.model.touching import Touched, touched
from console.model.wording import number
from console.tui.bindings import bindings
from console.tui.present.cells import Cell
from console.tui.present.lines import Line, faint, line
from console.tui.present.plans import STEP_COLUMNS, PlanText, plan_text, refusals, step_cells, summary
from console.tui.screens.ask import Ask, AskName, Choice
from console.tui.screens.beside import BesideScreen
from console.tui.widgets.reading import Reading
from console.tui.widgets.table import Table


class PlanScreen(BesideScreen):
    """The steps, and what each would change; of an operation beside the grid.

    Args:
        operation: what is planned, None for a deploy.
    """

    place = "plan"
    BINDINGS = bindings(place)
    CSS_PATH = "plan.tcss"

    def __init__(self, operation: Operation | None = None) -> None:
        super().__init__(beside=operation is not None)
        self.operation = operation
        self.heading = operation.kind if operation else "plan"
        self.plan: Plan | None = None
        self._steps: dict[str, Step] = {}
        self._text = PlanText()
        self._rollback = operation is not None and operation.kind in ROLLS_BACK
        self._measures = False
        self._began = 0.0

    def panel(self) -> Iterable[Widget]:
        """The two panes, and what Enter does."""
        self._list = Table(STEP_COLUMNS, self._cells, title="Steps", titles=False, id="steps")
        self._diff = Reading(title="What changes", id="diff")
        yield Horizontal(self._list, self._diff, id="panes")
        yield Static(id="summary", markup=False, classes="said")

    def on_mount(self) -> None:
        """Makes the plan."""
        super().on_mount()
        self._diff.focus()
        self.action_again()

    def tick(self, now: float) -> None:
        """How long it takes."""
        super().tick(now)
        if self.plan is None and self._began:
            self._diff.entitle("What changes", f"{now - self._began:.0f} s")

    def action_again(self) -> None:
        """Makes the plan anew."""
        self.plan, self._steps = None, {}
        self._began = self.now
        self._list.show((), [line(faint("planning ..."))])
        self._diff.show([line(faint("comparing what is declared with what is live ..."))])
        self._say("")
        self.refresh_bindings()
        self.run_worker(self._make(), exclusive=True, name="plan", exit_on_error=True)

    async def _make(self) -> None:
        engine = await self.console.connected()
        operation = self.operation
        make = engine.plan if operation is None else partial(engine.plan_operation, operation)
        plan = await self.attempt(make, self._failed)
        self._began = 0.0
        self._diff.entitle("What changes")
        if plan is not None:
            self._show(plan)
        self.refresh_bindings()

    def _failed(self, lines: list[Line]) -> None:
        self._list.show((), [line(faint("no plan"))])
        self._diff.show([*lines, line(""), line(faint("r plans again"))])

    def _show(self, plan: Plan) -> None:
        self.plan = plan
        self._steps = {step.id: step for step in plan.steps}
        self._text = plan_text(plan, self.glyphs, self._touched(plan))
        self._list.show([] if plan.empty else list(self._steps), [line(faint("nothing to do"))])
        self._diff.show(self._text.lines)
        guarded = "protected  " if plan.protected else ""
        self._diff.entitle(
            f"What changes on {plan.target}", f"{guarded}context {plan.context}  namespace {plan.namespace}"
        )
        self._say(self._sentence(plan))

    def _touched(self, plan: Plan) -> Sequence[Touched]:
        pods = {service.name: service.desired for service in self.view.services} if self.view else {}
        return touched(plan, self.console.services, pods) if self.operation else ()

    @property
    def _may_roll_back(self) -> bool:
        return self.operation is None or self.operation.kind in CAN_ROLL_BACK

    def _sentence(self, plan: Plan) -> str:
        if refused := refusals(plan):
            return f"preflight says no: {number(refused, 'check')} failed.  r plans again"
        if plan.empty:
            return "nothing to do: the cluster is as declared.  Esc goes back"
        after = "  On failure: rolls back." if self._rollback else "  On failure: stays as it is."
        after = after if self._may_roll_back else ""
        about = f"{plan.about}: " if plan.about else ""
        if self._measures and self.console.engine is not None:
            after += f"  {self.console.engine.stack.probe_load.rate:g} requests/s meanwhile."
        gap = "\n" if self.beside else "  "
        return f"{about}{summary(plan)}.{after}{gap}Enter runs it"

    def _say(self, words: str) -> None:
        self.query_one("#summary", Static).update(words)

    def _cells(self, step_id: str) -> Sequence[Cell]:
        return step_cells(self._steps[step_id])

    @on(Table.Moved, "#steps")
    def _moved(self, event: Table.Moved) -> None:
        self._diff.go_to(self._text.anchors.get(event.key, -1))

    def action_rollback(self) -> None:
        """Whether to roll back by itself."""
        self._rollback = not self._rollback
        if self.plan is not None:
            self._say(self._sentence(self.plan))

    def action_measure(self) -> None:
        """Whether requests are sent to the stack meanwhile, and what became of them told."""
        self._measures = not self._measures
        if self.plan is not None:
            self._say(self._sentence(self.plan))

    @on(Table.Opened, "#steps")
    def action_run(self) -> None:
        """Carries the plan out, after what must be asked."""
        if self.plan is not None and self._runnable(self.plan):
            self.run_worker(self._confirm(self.plan), exclusive=True, name="confirm")

    async def _confirm(self, plan: Plan) -> None:
        drift = "fail"
        if plan.drift and self.operation is None:
            drift = await self.app.push_screen_wait(Ask(_drift_question(plan), _DRIFT_CHOICES))
            if not drift:
                return
        if plan.protected and not await self.app.push_screen_wait(AskName(plan.stack, plan.target)):
            return
        if self.operation is not None:
            self.console.start_operation(plan, self.operation, rollback=self._rollback, measures=self._measures)
        else:
            self.console.start_run(plan, rollback=self._rollback, drift=drift, measures=self._measures)

    def _runnable(self, plan: Plan) -> bool:
        return not plan.empty and not refusals(plan)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enter works once there is something that may be run."""
        if action == "rollback" and not self._may_roll_back:
            return False
        if action == "measure" and self.operation is not None and self.operation.kind == "stop":
            return False
        if action in {"run", "rollback", "measure"}:
            return self.plan is not None and self._runnable(self.plan)
        return self.plan is not None if action == "copy" else True

    def action_copy(self) -> None:
        """Copies the plan."""
        self.console.copy(self._diff.text, "the plan")


_DRIFT_CHOICES = (
    Choice("o", "overwrite", "Overwrite: as declared"),
    Choice("t", "keep", "Keep theirs"),
)


def _drift_question(plan: Plan) -> str:
    fields = sum(len(change.drift) for change in plan.drift)
    objects = number(len(plan.drift), "object")
    return f"{number(fields, 'field')} of {objects} were changed by others since the last release."
