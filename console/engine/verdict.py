"""The one verdict of a run, the same on every surface."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from console.engine.releases import last_good
from console.engine.work import Work
from console.model.diagnosis import Diagnosis
from console.model.errors import ConsoleError
from console.model.load import Load
from console.model.outcome import Outcome
from console.model.plan import StepKind
from console.model.run import StepState, Verdict
from console.model.wording import number

_ASIDE = {StepKind.PREFLIGHT, StepKind.ROLLBACK}
_LONGEST = 400
_MEND = "find out with [l] logs why requests failed; a pod that leaves has to finish what it began (preStop, drain)"


def outcome_of(error: BaseException | None) -> Outcome:
    """How a run ended that ended with this error; None: with none."""
    if error is None:
        return Outcome.DONE
    if isinstance(error, asyncio.CancelledError):
        return Outcome.INTERRUPTED
    return error.outcome if isinstance(error, ConsoleError) else Outcome.BUG


def diagnoses_of(error: BaseException | None) -> tuple[Diagnosis, ...]:
    """Why a rollout failed."""
    return tuple(getattr(error, "diagnoses", ()))


def conclude(
    work: Work,
    error: BaseException | None,
    seconds: float,
    *,
    evidence: Sequence[str] = (),
    rolled_back: str = "",
) -> Verdict:
    """Puts the verdict together.

    Args:
        work: the run.
        error: what ended it, None if it did what it was asked for.
        seconds: how long it took.
        evidence: names of what was kept.
        rolled_back: what came of the rollback, in words.
    """
    shown = work.world.redactor.text
    headline = _headline(work, error) + (f"; {rolled_back}" if rolled_back else "")
    served = error is not None or work.load is None or work.load.ok
    if work.load and not served:
        headline = f"{headline}, but {_unserved(work.load)}"
    return Verdict(
        outcome=outcome_of(error) if served else Outcome.VERIFY,
        headline=shown(" ".join(headline.split()))[:_LONGEST],
        diagnoses=diagnoses_of(error),
        seconds=seconds,
        phases=work.course.phases(),
        release=work.recorded.number if work.recorded else None,
        evidence=tuple(evidence),
        addresses=(),
        next_step=shown(_next_step(work, error) if served else _MEND),
        warnings=tuple(shown(each) for each in dict.fromkeys(work.warnings)),
        holder=getattr(error, "holder", None),
        undo=_undo(work) if error is None else "",
        load=work.load,
        effective=work.effect.seconds if work.effect and error is None else None,
    )


def _unserved(load: Load) -> str:
    if not load.requests:
        return load.problem or "not one request was answered meanwhile"
    if load.failed == load.requests:
        return f"every one of {number(load.failed, 'request')} failed meanwhile"
    return f"{load.failed:,} of {number(load.requests, 'request')} failed meanwhile"


def _headline(work: Work, error: BaseException | None) -> str:
    stack, target = work.stack.name, work.stack.target.name
    if error is None:
        return _achieved(work, f"{stack} on {target}")
    if isinstance(error, asyncio.CancelledError):
        return f"interrupted: {_reached(work)}"
    if not isinstance(error, ConsoleError):
        return f"a bug of ours: {type(error).__name__}: {error}"
    where = f"{error.where}: " if error.where else ""
    return f"{where}{error.what}" + (f": {error.why}" if error.why else "")


def _achieved(work: Work, name: str) -> str:
    if work.plan.removes:
        return f"{name} is removed" if work.removed else f"{name}: nothing was there"
    if work.recorded and work.effect:
        return f"{name}: {work.plan.about}, {work.effect}: release {work.recorded.number}"
    if work.recorded:
        return f"{name}{f': {work.plan.about}' if work.plan.about else ' is deployed'}: release {work.recorded.number}"
    return f"{name}: nothing to do" if work.plan.empty else f"{name} is as it should be"


def _reached(work: Work) -> str:
    """What was done, and what is left."""
    done = [step for step in work.course.of(StepState.DONE) if step.kind not in _ASIDE]
    left = [step for step in work.course.of(StepState.PENDING, StepState.SKIPPED) if step.kind not in _ASIDE]
    reached = ", ".join(step.id for step in done) or "nothing"
    return f"done: {reached}; left: {', '.join(step.id for step in left) or 'nothing'}"


def _undo(work: Work) -> str:
    """How an operation is taken back; a deploy is not: its files would bring it again."""
    if opposite := {"stop": "start", "start": "stop"}.get(work.plan.kind):
        return f"stack-console {opposite} {work.stack.name} --target {work.stack.target.name}"
    if not work.recorded or work.plan.kind == "deploy" or not (before := last_good(work.gathered.releases)):
        return ""
    return f"stack-console rollback {work.stack.name} --target {work.stack.target.name} --to {before.number}"


def _next_step(work: Work, error: BaseException | None) -> str:
    command = work.options.command
    if error is None:
        return ""
    if isinstance(error, asyncio.CancelledError):
        return f"{command}   goes on where it stopped; what is done is not done again"
    if not isinstance(error, ConsoleError):
        return "report it with the crash report"
    hints = [hint for each in diagnoses_of(error) for hint in each.hints]
    advice = error.hint or (hints[0] if hints else "")
    return f"{advice}; then: {command}" if advice and command else advice or command
