"""`--report FILE`: what a command found, as JUnit XML, one HTML page, or JSON. Redacted like everything else."""

from __future__ import annotations

import html
import json
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from xml.etree import ElementTree

from console.cli import wire
from console.model.errors import UsageError
from console.model.load import load_words
from console.model.outcome import Outcome
from console.model.plan import Plan
from console.model.run import Run, StepRun, StepState
from console.model.wording import seconds

if TYPE_CHECKING:
    from console.model.redaction import Redactor

State = Literal["passed", "failed", "skipped"]
# Characters that XML 1.0 (section 2.2) does not allow.
_NOT_XML = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
_STATES: dict[StepState, State] = {StepState.DONE: "passed", StepState.FAILED: "failed"}


@dataclass(frozen=True, slots=True)
class Case:
    """One line of a report: a step, a check, a service. `group` is what it belongs to, `text` why it failed."""

    group: str
    name: str
    state: State
    seconds: float = 0.0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a command found. `document` is what `--output json` prints; `page` makes an HTML page of its own kind."""

    command: str
    headline: str
    outcome: Outcome
    seconds: float
    cases: tuple[Case, ...]
    document: dict[str, Any]
    page: Callable[[Callable[[str], str]], str] | None = None


def run_cases(run: Run) -> tuple[Case, ...]:
    """The steps of a run, and the requests meanwhile; what was never begun counts as skipped."""
    titles = {step.id: (step.service or run.plan.stack, step.title) for step in run.plan.steps}
    cases = [_step_case(*titles.get(step.step_id, ("", step.step_id)), step) for step in run.steps.values()]
    load = run.verdict.load if run.verdict else None
    if load:
        text = "\n".join(load_words(load))
        cases.append(Case(run.plan.stack, "requests meanwhile", "passed" if load.ok else "failed", load.seconds, text))
    return tuple(cases)


def _step_case(group: str, title: str, step: StepRun) -> Case:
    took = (step.ended or 0.0) - (step.started or step.ended or 0.0)
    text = "\n".join([step.detail, *map(str, step.diagnoses)]).strip()
    return Case(group, title, _STATES.get(step.state, "skipped"), took, text)


def check_cases(plan: Plan) -> tuple[Case, ...]:
    """The preflight checks of a plan; a warning counts as passed, with its words."""
    state: dict[bool | None, State] = {True: "passed", None: "passed", False: "failed"}
    return tuple(
        Case("preflight", check.name, state[check.ok], text=f"{check.detail}\n{check.hint}".strip())
        for check in plan.checks
    )


def save_report(report: Report, file: Path, redactor: Redactor) -> None:
    """Writes the report in the form that the file's ending names, whole or not at all.

    Raises:
        UsageError: the file cannot be written.
    """
    if file.suffix == ".html" and report.page:
        content = redactor.text(report.page(redactor.text))
    else:
        content = {".xml": _junit, ".html": _page, ".json": _json}[file.suffix](report, redactor)
    try:
        _replace(file, content)
    except OSError as error:
        raise _unwritable(file, error.strerror or str(error)) from error


def check_writable(file: Path) -> None:
    """Before anything is begun that the report is to tell of. Raises UsageError if it could not be written."""
    if not file.parent.is_dir():
        raise _unwritable(file, "there is no such folder")
    if not os.access(file.parent, os.W_OK):
        raise _unwritable(file, "the folder may not be written to")


def add_to_summary(text: str, redactor: Redactor) -> None:
    """Adds Markdown to the summary of a GitHub job, where one is asked for (GitHub Docs, "Workflow commands").

    Raises:
        UsageError: the file cannot be written.
    """
    file = os.environ.get("GITHUB_STEP_SUMMARY")
    if not file:
        return
    try:
        with Path(file).open("a", encoding="utf-8", errors="backslashreplace") as summary:
            summary.write(redactor.text(text))
    except OSError as error:
        raise _unwritable(Path(file), error.strerror or str(error)) from error


def _unwritable(file: Path, why: str) -> UsageError:
    hint = "name a file in a folder that exists and may be written to"
    return UsageError("the report cannot be written", where=str(file), why=why, hint=hint)


def _replace(file: Path, content: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as writing:
            writing.write(content)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _json(report: Report, redactor: Redactor) -> str:
    content = {"outcome": report.outcome, "headline": report.headline, "seconds": report.seconds, **report.document}
    return json.dumps(wire.event(report.command, wire.as_json(content, redactor.text)), indent=2) + "\n"


def _junit(report: Report, redactor: Redactor) -> str:
    """One suite, as the JUnit schema of Jenkins (jenkins-junit.xsd) has it; CI systems read nothing else."""

    def plain(text: str) -> str:
        return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", redactor.text(text))

    cases = _with_verdict(report)
    suite = ElementTree.Element(
        "testsuite",
        name=plain(f"stack-console {report.command}"),
        tests=str(len(cases)),
        failures=str(sum(case.state == "failed" for case in cases)),
        errors="0",
        skipped=str(sum(case.state == "skipped" for case in cases)),
        time=f"{report.seconds:.3f}",
    )
    for case in cases:
        names = {"classname": plain(case.group), "name": plain(case.name), "time": f"{case.seconds:.3f}"}
        element = ElementTree.SubElement(suite, "testcase", names)
        if case.state == "failed":
            message = plain(case.text.partition("\n")[0])
            ElementTree.SubElement(element, "failure", message=message).text = plain(case.text)
        elif case.state == "skipped":
            ElementTree.SubElement(element, "skipped", message=plain(case.text.partition("\n")[0]))
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def _with_verdict(report: Report) -> tuple[Case, ...]:
    """The cases, and the verdict as one of them: a failure that no step showed must not look like success."""
    good = report.outcome in {Outcome.DONE, Outcome.CHANGES}
    text = "" if good else report.headline
    return (*report.cases, Case(report.command, "verdict", "passed" if good else "failed", report.seconds, text))


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
  body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
  table {{ border-collapse: collapse; width: 100% }}
  th, td {{ text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #8884 }}
  pre {{ white-space: pre-wrap; margin: 0 }} .failed {{ color: #b00020 }} .skipped {{ opacity: .6 }}
  @media (prefers-color-scheme: dark) {{ body {{ background: #121212; color: #ddd }} .failed {{ color: #ff8a80 }} }}
</style>
<h1>{title}</h1>
<p class="{state}">{outcome} (exit {code}) after {seconds}</p>
<table><tr><th>what</th><th>step</th><th>state</th><th>time</th><th></th></tr>
{rows}
</table>
</html>
"""


def _page(report: Report, redactor: Redactor) -> str:
    def plain(text: str) -> str:
        return html.escape(redactor.text(text))

    return _PAGE.format(
        title=plain(report.headline),
        state="passed" if report.outcome is Outcome.DONE else "failed",
        outcome=plain(report.outcome.word),
        code=report.outcome.code,
        seconds=seconds(report.seconds),
        rows="\n".join(_row([plain(text) for text in (c.group, c.name, c.text)], c) for c in report.cases),
    )


def _row(texts: Sequence[str], case: Case) -> str:
    group, name, text = texts
    cells = f"<td>{group}</td><td>{name}</td><td>{case.state}</td><td>{seconds(case.seconds)}</td>"
    return f'<tr class="{case.state}">{cells}<td><pre>{text}</pre></td></tr>'
