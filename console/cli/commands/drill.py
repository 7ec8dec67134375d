"""`drill list|run|undo`: failures that are caused on purpose, measured until the stack is well again, and undone."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from console.cli.confirm import refuse_unless_allowed
from console.cli.operating import ask
from console.cli.report import Case, Report, State
from console.cli.running import carry_out, followed, tell_verdict
from console.cli.session import Session
from console.cli.style import table
from console.cli.text import failure_lines, plan_lines, verdict_lines
from console.model.drills.catalogue import CATALOGUE
from console.model.drills.ground import NotApplicableError
from console.model.drills.judging import DrillSource, result_words
from console.model.errors import RefusedError, UsageError
from console.model.outcome import Outcome
from console.model.run import Verdict
from console.model.stack import Stack
from console.model.wording import number

if TYPE_CHECKING:
    from console.engine.deploy import RunOptions
    from console.engine.service import Engine

_GOES_ON = {Outcome.DONE, Outcome.DRILL, Outcome.PREFLIGHT}


async def run(session: Session) -> Outcome:
    """Lists drills, runs one or a suite, or ends the one that was left open."""
    action = {"list": _list, "undo": _undo, "run": _suite if session.args.suite else _run}[session.args.action]
    async with session.engine() as engine:
        return await action(session, engine)


async def _list(session: Session, engine: Engine) -> Outcome:
    await engine.start()
    async with session.time_limit("the drills were not listed"):
        standings = await engine.drills()
    rows = [
        (each.source.kind, each.source.service, *(("no", each.reason) if each.reason else ("yes", each.proves)))
        for each in standings
    ]
    session.output.text(table(("DRILL", "SERVICE", "APPLIES", ""), rows))
    document = {"drills": standings, "catalogue": tuple(CATALOGUE.values()), "declared": engine.stack.drills}
    session.output.result("drill-list", document)
    able = sum(not each.reason for each in standings)
    headline = f"{engine.stack.name}: {able} of {len(standings)} drills apply"
    cases = tuple(
        Case(each.source.service, each.source.kind, "skipped", text=each.reason or "not run") for each in standings
    )
    session.report(Report("drill", headline, Outcome.DONE, 0.0, cases, document))
    return Outcome.DONE


async def _undo(session: Session, engine: Engine) -> Outcome:
    refuse_unless_allowed(session, engine.stack)
    with followed(session, engine):
        await engine.start()
        plan = await engine.plan_drill_undo()
        if plan is None:
            headline = f"{engine.stack.name} on {engine.stack.target.name}: no drill is open"
            session.output.text([headline])
            session.output.result("drill", {"run": None, "verdict": None})
            session.report(Report("drill", headline, Outcome.DONE, 0.0, (), {"run": None, "verdict": None}))
            return Outcome.DONE
        session.narrator.block(plan_lines(plan, session.narrator.style))
        verdict = await carry_out(session, engine, plan, _options(session))
    return tell_verdict(session, engine, verdict)


async def _run(session: Session, engine: Engine) -> Outcome:
    source = _source(engine.stack, session.args.kind, session.args.service, session.args.options)
    _refuse_protected(session, engine.stack, source)
    with followed(session, engine):
        await engine.start()
        plan = await engine.plan_drill(source)
        await ask(session, engine, plan_lines(plan, session.narrator.style), confirm=True)
        verdict = await carry_out(session, engine, plan, _options(session))
    return tell_verdict(session, engine, verdict)


async def _suite(session: Session, engine: Engine) -> Outcome:
    name, stack, began = session.args.suite, engine.stack, time.monotonic()
    sources = [source for source in stack.drills if name in source.suites]
    if not sources:
        known = ", ".join(sorted({suite for source in stack.drills for suite in source.suites})) or "none"
        raise UsageError(f"{stack.name} has no suite {name!r}", hint=f"there are: {known}")
    for source in sources:
        _refuse_protected(session, stack, source)
    await ask(
        session, engine, [f"suite {name} of {stack.name}:", *(f"  {each.about}" for each in sources)], confirm=True
    )
    ended: list[tuple[DrillSource, Verdict | None, str]] = []
    with followed(session, engine):
        await engine.start()
        for source in sources:
            ended.append(await _one(session, engine, source))
            verdict = ended[-1][1]
            if verdict and verdict.outcome not in _GOES_ON:
                break
    return _tell_suite(session, engine, ended, sources[len(ended) :], time.monotonic() - began)


async def _one(session: Session, engine: Engine, source: DrillSource) -> tuple[DrillSource, Verdict | None, str]:
    """A drill of a suite: its verdict, or why it does not apply."""
    try:
        plan = await engine.plan_drill(source)
    except NotApplicableError as error:
        session.narrator.say(f"{source.about} is not applicable: {error.why}", level="warning")
        return source, None, error.why
    verdict = await carry_out(session, engine, plan, _options(session))
    session.output.text(verdict_lines(verdict, engine.stack.name, session.output.style))
    if not verdict.ok:
        session.narrator.block(failure_lines(verdict, engine.stack.name), "error")
    return source, verdict, ""


def _tell_suite(
    session: Session,
    engine: Engine,
    ended: list[tuple[DrillSource, Verdict | None, str]],
    left: list[DrillSource],
    seconds: float,
) -> Outcome:
    verdicts = [verdict for _, verdict, _ in ended if verdict]
    failed = [verdict.outcome for verdict in verdicts if not verdict.ok]
    outcome = failed[-1] if failed else Outcome.DONE if verdicts else Outcome.PREFLIGHT
    passed, beside = sum(verdict.ok for verdict in verdicts), len(ended) - len(verdicts)
    headline = (
        f"suite {session.args.suite} of {engine.stack.name}: {number(passed, 'drill')} passed, {len(failed)} failed"
    )
    headline += f", {beside} not applicable" + (f", {len(left)} not run" if left else "")
    document: dict[str, Any] = {
        "suite": session.args.suite,
        "drills": [{"drill": source, "verdict": verdict, "not_applicable": why} for source, verdict, why in ended],
        "left": left,
    }
    session.output.text(["", headline])
    session.output.result("drill-suite", document)
    cases = [_case(*each) for each in ended] + [
        Case(each.service, each.kind, "skipped", text="not run") for each in left
    ]
    session.report(Report("drill", headline, outcome, seconds, tuple(cases), document))
    return outcome


def _case(source: DrillSource, verdict: Verdict | None, why: str) -> Case:
    if verdict is None:
        return Case(source.service, source.kind, "skipped", text=f"not applicable: {why}")
    state: State = "passed" if verdict.ok else "failed"
    text = "\n".join(filter(None, (verdict.headline, result_words(verdict.drill) if verdict.drill else "")))
    return Case(source.service, source.kind, state, verdict.seconds, text)


def _source(stack: Stack, kind: str, service: str, options: tuple[tuple[str, str], ...]) -> DrillSource:
    """The drill as the stack's file has it, if it does, with other options where some are given."""
    declared = (each for each in stack.drills if (each.kind, each.service) == (kind, service))
    source = next(declared, DrillSource(kind, service))
    return replace(source, options=options) if options else source


def _refuse_protected(session: Session, stack: Stack, source: DrillSource) -> None:
    """Raises RefusedError: read-only, or a protected target that the stack's file does not name for this drill."""
    if stack.target.protected and stack.target.name not in source.protected:
        what = f"target {stack.target.name} is protected, and {stack.file.name} does not allow {source.about} there"
        raise RefusedError(what, hint=f"name it under drills: on_protected: [{stack.target.name}]")
    refuse_unless_allowed(session, stack)


def _options(session: Session) -> RunOptions:
    from console.engine.deploy import RunOptions

    return RunOptions(session.command_line, timeout=session.settings.timeout, probe_load=0.0)
