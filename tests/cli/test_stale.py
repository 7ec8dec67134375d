"""A plan that the cluster has left behind is made once more, and only that."""

import pytest

from console.cli.running import went_stale
from console.engine.work import RunOptions
from console.model.outcome import Outcome
from console.model.plan import ChangeKind, FieldChange, ObjectChange, ObjectRef, Plan, Step, StepKind
from console.model.run import Run, StepRun, StepState, Verdict

DRIFT = ObjectChange(
    ObjectRef("v1", "ConfigMap", "todo", "a"),
    "",
    ChangeKind.UNCHANGED,
    drift=(FieldChange("data.A", ChangeKind.UPDATE, "1", "2"),),
)


def run(outcome, failed, *changes):
    steps = (
        Step("preflight", StepKind.PREFLIGHT, "check", changes=changes),
        Step("apply:a", StepKind.APPLY, "apply a", "a", changes=changes),
    )
    plan = Plan("deploy", "todo", "sandbox", "todo", "sandbox", False, steps)
    course = {step.id: StepRun(step.id, StepState.FAILED if step.id == failed else StepState.DONE) for step in steps}
    verdict = Verdict(outcome, "", (), 1.0, (), None, (), (), "")
    return plan, Run("r", "deploy", plan, "", 0.0, course, 1.0, verdict)


@pytest.mark.parametrize(
    ("made", "drift", "stale"),
    [
        (run(Outcome.APPLY, "preflight"), "fail", True),
        (run(Outcome.APPLY, "preflight", DRIFT), "keep", True),
        (run(Outcome.APPLY, "preflight", DRIFT), "fail", False),
        (run(Outcome.APPLY, "apply:a"), "fail", False),
        (run(Outcome.LOCKED, "preflight"), "fail", False),
        (run(Outcome.DONE, ""), "fail", False),
    ],
)
def test_only_a_run_that_found_its_plan_left_behind_is_planned_again(made, drift, stale):
    assert went_stale(*made, RunOptions("", drift=drift)) is stale
