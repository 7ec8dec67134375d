"""How long the phases of a run take, though their steps overlap."""

from __future__ import annotations

from pathlib import Path

from console.engine.course import Course
from console.engine.store import Store
from console.model.plan import Plan, Step, StepKind
from console.model.redaction import Redactor

WEB, API = Step("build:web", StepKind.BUILD, "build web"), Step("build:api", StepKind.BUILD, "build api")
PUSH_WEB, PUSH_API = Step("push:web", StepKind.PUSH, "push web"), Step("push:api", StepKind.PUSH, "push api")


def test_a_phase_counts_only_while_one_of_its_steps_goes_on(tmp_path: Path) -> None:
    now = [0.0]
    plan = Plan("deploy", "shop", "sandbox", "shop", "sandbox", False, (WEB, API, PUSH_WEB, PUSH_API))
    store = Store("shop", "sandbox", "shop", ["web", "api"], [])
    course = Course("run-1", plan, store, tmp_path, Redactor(), lambda: now[0])
    happens = [
        (0.0, course.started, WEB),
        (1.0, course.started, API),
        (3.0, course.finished, WEB),
        (3.0, course.started, PUSH_WEB),
        (3.5, course.finished, PUSH_WEB),
        (9.0, course.finished, API),
        (9.0, course.started, PUSH_API),
        (9.5, course.finished, PUSH_API),
    ]
    for at, call, step in happens:
        now[0] = at
        call(*((step,) if call == course.started else (step, "done")))
    assert course.phases() == (("build", 9.0), ("push", 1.0))
