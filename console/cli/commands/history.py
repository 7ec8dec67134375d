"""`history`: releases and runs of a stack; `show STACK RUN` gives a run's evidence, `diff STACK A B` compares."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from console.cli.acceptance import finding_line
from console.cli.report import Case, Report, State
from console.cli.session import Session
from console.cli.style import table
from console.cli.text import change_lines, drill_lines
from console.model.errors import UsageError
from console.model.load import load_words
from console.model.outcome import Outcome
from console.model.wording import number, seconds

if TYPE_CHECKING:
    from console.engine.ports import EvidenceItem, RunRecord
    from console.engine.service import Engine, History
    from console.model.release import Release


async def run(session: Session) -> Outcome:
    """Prints what happened to the stack, or what was seen during one run."""
    async with session.engine() as engine, session.time_limit("the history was not read"):
        if session.args.run:
            return await _show(session, engine)
        if session.args.pair:
            return await _diff(session, engine)
        history = await engine.history()
    document = {"releases": [_public(each) for each in history.releases], "runs": history.runs}
    session.output.text(_lines(history))
    session.output.result("history", document)
    cases = tuple(_case(record) for record in history.runs)
    headline = f"{engine.stack.name}: {len(history.releases)} releases, {len(history.runs)} runs"
    session.report(Report("history", headline, Outcome.DONE, 0.0, cases, document))
    return Outcome.DONE


async def _show(session: Session, engine: Engine) -> Outcome:
    wanted = session.args.run
    records = [record for record in (await engine.history()).runs if record.run_id.startswith(wanted)]
    if len(records) != 1:
        hint = f"stack-console history {engine.stack.name} lists the runs of this machine"
        raise UsageError(f"{len(records) or 'no'} runs are named {wanted!r}", hint=hint)
    record = records[0]
    items = await engine.evidence(record.run_id)
    session.output.text([*_run_lines(record), *(f"  {item.kind} {item.subject}" for item in items)])
    for item in items:
        session.output.text(["", f"== {item.kind} {item.subject} at {_moment(item.at)}", _readable(item)])
    document = {"run": record, "evidence": items}
    session.output.result("history-show", document)
    took = (record.ended or record.started) - record.started
    cases = tuple(Case(item.kind, item.subject, "passed", text=item.text) for item in items)
    session.report(Report("history", record.headline or record.run_id, Outcome.DONE, took, cases, document))
    return Outcome.DONE


def _readable(item: EvidenceItem) -> str:
    """Evidence for people: findings of a verification are kept as JSON."""
    from console.engine.verify.gathering import finding_of

    finding = finding_of(item)
    return "\n".join((finding_line(finding), *finding.evidence)) if finding else item.text.rstrip()


async def _diff(session: Session, engine: Engine) -> Outcome:
    before, after = session.args.pair
    changes = await engine.compare(before, after)
    headline = f"{engine.stack.name}: release {before} -> {after}: {number(len(changes), 'object')} differ"
    session.output.text([headline, *change_lines(changes, session.output.style)])
    document = {"before": before, "after": after, "changes": changes}
    session.output.result("history-diff", document)
    session.report(Report("history", headline, Outcome.DONE, 0.0, (), document))
    return Outcome.DONE


def _public(release: Release) -> dict[str, Any]:
    """A release without what it sent: values of Secrets are among it."""
    names = ("number", "stack", "target", "at", "by", "kind", "about", "outcome", "images")
    return {name: getattr(release, name) for name in names}


def _lines(history: History) -> list[str]:
    releases = [
        (str(each.number), _moment(each.at), each.outcome, each.kind, each.by, each.about) for each in history.releases
    ]
    runs = [
        (each.run_id, _moment(each.started), each.kind, each.outcome or "unfinished", _took(each), each.headline)
        for each in history.runs
    ]
    lines = table(("RELEASE", "AT", "OUTCOME", "KIND", "BY", ""), releases) if releases else ["no releases"]
    head = ("RUN", "AT", "KIND", "OUTCOME", "TOOK", "")
    return [*lines, "", *(table(head, runs) if runs else ["no runs on this machine"])]


def _run_lines(record: RunRecord) -> list[str]:
    lines = [f"{record.kind} of {record.stack} on {record.target} at {_moment(record.started)}"]
    lines += [f"  {record.outcome or 'unfinished'}: {record.headline}", f"  {record.command}"]
    lines += [f"  {record.cluster}"] if record.cluster else []
    lines += drill_lines(record.drill) if record.drill else []
    lines += [f"  load: {line}" for line in load_words(record.load)] if record.load else []
    return lines + [f"  {name} {seconds(took)}" for name, took in record.phases]


def _case(record: RunRecord) -> Case:
    states: dict[str, State] = {Outcome.DONE.word: "passed", "": "skipped"}
    took = (record.ended or record.started) - record.started
    return Case(record.kind, record.run_id, states.get(record.outcome, "failed"), took, record.headline)


def _took(record: RunRecord) -> str:
    return seconds(record.ended - record.started) if record.ended is not None else "-"


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
