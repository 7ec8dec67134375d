"""Carries out a plan and follows it: the facts to stderr and to the stream, the verdict to stdout and the report."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from console.cli.report import Report, run_cases
from console.cli.telling import Telling
from console.cli.text import failure_lines, verdict_lines
from console.model.errors import ConsoleError, UsageError
from console.model.outcome import Outcome
from console.model.plan import StepKind
from console.model.run import StepState, Verdict

if TYPE_CHECKING:
    from console.cli.narrate import Narrator
    from console.cli.session import Session
    from console.engine.deploy import RunOptions
    from console.engine.service import Engine
    from console.model.events import Fact
    from console.model.plan import Plan
    from console.model.run import Run


@contextmanager
def followed(session: Session, engine: Engine) -> Iterator[None]:
    """Facts are told and streamed while this lasts."""

    def service_of(uid: str) -> str:
        pod = engine.store.pod(uid)
        return pod.service if pod else ""

    def stream(fact: Fact) -> None:
        try:
            session.output.fact(fact)
        except ConsoleError as error:
            # A full disk under stdout must not break the run off.
            session.narrator.error(error)

    leave = [
        engine.store.subscribe(stream),
        engine.store.subscribe(Telling(session.narrator, engine.step_log, service_of)),
    ]
    try:
        yield
    finally:
        for unsubscribe in leave:
            unsubscribe()


async def carry_out(session: Session, engine: Engine, plan: Plan, options: RunOptions) -> Verdict:
    """Runs the plan to its verdict, also when it is cancelled meanwhile."""
    run_id = engine.run(plan, options)
    try:
        return await engine.finished(run_id)
    except asyncio.CancelledError:
        await engine.cancel(run_id)
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
        return await engine.finished(run_id)


def went_stale(plan: Plan, run: Run | None, options: RunOptions) -> bool:
    """True if a run ended before anything was changed because the cluster had moved on since the plan was made."""
    if run is None or run.verdict is None or run.verdict.outcome is not Outcome.APPLY:
        return False
    opening = (run.steps[step.id].state for step in plan.steps if step.kind is StepKind.PREFLIGHT)
    return StepState.FAILED in opening and not (plan.drift and options.drift == "fail")


def tell_verdict(session: Session, engine: Engine, verdict: Verdict) -> Outcome:
    """The verdict on every surface that was asked for; failures come last, where they are seen."""
    run = engine.store.view().run
    document = {"run": run, "verdict": verdict}
    session.output.text(verdict_lines(verdict, engine.stack.name, session.output.style))
    session.output.document(session.args.command, document)
    cases = run_cases(run) if run else ()
    try:
        session.report(
            Report(session.args.command, verdict.headline, verdict.outcome, verdict.seconds, cases, document)
        )
    except UsageError as error:
        # The run's outcome stands.
        session.narrator.error(error)
    for warning in verdict.warnings:
        session.narrator.annotate("warning", session.args.command, warning)
    if not verdict.ok:
        _tell_failure(session.narrator, verdict, engine.stack.name)
    return verdict.outcome


def _tell_failure(narrator: Narrator, verdict: Verdict, stack: str) -> None:
    narrator.block(failure_lines(verdict, stack), "error")
    for diagnosis in verdict.diagnoses:
        title = f"{diagnosis.service or diagnosis.subject}: {diagnosis.cause}"
        narrator.annotate("error", title, f"{diagnosis.summary}\n{diagnosis.evidence}".strip())
    if not verdict.diagnoses:
        narrator.annotate("error", verdict.outcome.word, verdict.headline)
