"""The plan of an edit: the edit before all that reads it, and the proof before the release is recorded."""

import pytest

from console.model.effect import Effect, with_effect
from console.model.operations import Configure
from console.model.plan import ChangeKind, FieldChange, ObjectChange, ObjectRef, Plan, Step, StepKind

REF = ObjectRef("v1", "ConfigMap", "todo", "web")
READER = ObjectRef("apps/v1", "Deployment", "todo", "api")
OWN = ObjectRef("apps/v1", "Deployment", "todo", "web")
DRIFT = tuple(FieldChange(path, ChangeKind.UPDATE, "theirs", "ours") for path in ("data.MODE", "data.MODE:2", "data.B"))
EDIT = ObjectChange(REF, "web", ChangeKind.UPDATE, DRIFT, DRIFT)


def plan_of(*own):
    """The readers are in a service that the map's own service comes after."""
    api = (ObjectChange(READER, "api", ChangeKind.UPDATE),)
    steps = (
        Step("preflight", StepKind.PREFLIGHT, "check"),
        Step("apply:api", StepKind.APPLY, "apply api", "api", ("preflight",), api),
        Step("wait:api", StepKind.WAIT, "wait", "api", ("apply:api",)),
        Step("apply:web", StepKind.APPLY, "apply web", "web", ("preflight", "wait:api"), (EDIT, *own)),
        Step("wait:web", StepKind.WAIT, "wait", "web", ("apply:web",)),
        Step("record", StepKind.RECORD, "record", needs=("wait:api", "wait:web")),
    )
    return Plan("config", "todo", "test", "todo", "test", False, steps)


def needs_of(plan):
    return {step.id: step.needs for step in plan.steps}


def test_an_edit_comes_before_those_who_read_it():
    unchanged = ObjectChange(OWN, "web", ChangeKind.UNCHANGED)
    plan = with_effect(plan_of(unchanged), Configure(REF, {"MODE": "x"}), {})
    assert needs_of(plan) == {
        "preflight": (),
        "config": ("preflight",),
        "apply:api": ("preflight", "config"),
        "wait:api": ("apply:api",),
        "wait:web": ("config",),
        "effective": ("config", "apply:api", "wait:api", "wait:web"),
        "record": ("wait:api", "wait:web", "effective"),
    }
    assert [change.ref for change in plan.changes] == [REF, READER]


def test_what_else_is_changed_of_its_service_comes_behind_it():
    plan = with_effect(plan_of(ObjectChange(OWN, "web", ChangeKind.UPDATE)), Configure(REF, {"MODE": "x"}), {})
    assert needs_of(plan)["apply:web"] == ("preflight", "wait:api", "config")
    assert needs_of(plan)["wait:web"] == ("apply:web",)


def test_what_is_edited_is_nobody_elses_any_more():
    plan = with_effect(plan_of(), Configure(REF, {"MODE": "x"}), {"effective": (2.0, 4.0)})
    (edit,) = (change for change in plan.changes if change.ref == REF)
    assert [field.path for field in edit.drift] == ["data.B"]
    assert next(step for step in plan.steps if step.id == "effective").expected_seconds == 3.0


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        (
            Effect(12.34, 3, (("environment", 2), ("file", 1))),
            "effective in 12.3 s: 3 of 3 pods report it (2 by environment, 1 by file)",
        ),
        (Effect(5.0, 2, (("start time", 2),), "why"), "effective in 5.0 s: 2 of 2 pods started since (why)"),
        (
            Effect(None, 3, (("environment", 1), ("unproven", 2)), "why"),
            "1 of 3 pods report it (1 by environment), of 2 of 3 pods nobody can say when they take it up (why)",
        ),
        (Effect(None, 0, ()), "no pod that runs has to take it up"),
    ],
)
def test_what_became_of_it_is_told(effect, words):
    assert str(effect) == words
