"""The acceptance report as people read it: lines of text, Markdown for a summary, and one HTML page with charts."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Iterator

from console.cli import charts
from console.cli.report import Case, State
from console.cli.style import Style, table
from console.model.load import load_words
from console.model.outcome import Outcome
from console.model.verify.check import Finding, Result
from console.model.verify.report import AcceptanceReport
from console.model.wording import seconds

_MEANINGS = {Result.PASSED: "good", Result.FAILED: "error", Result.NOT_MADE: "warning"}
_STATES: dict[Result, State] = {Result.PASSED: "passed", Result.FAILED: "failed", Result.NOT_MADE: "skipped"}
_CLASSES = {Result.PASSED: "passed", Result.FAILED: "failed", Result.NOT_MADE: "open"}


def finding_line(finding: Finding) -> str:
    """A finding in a line, as it is told while others are still made."""
    why = f": {finding.reason}" if finding.reason else ""
    figure = f" ({finding.measured})" if finding.figure is not None else ""
    return f"{finding.id} {finding.result.value}{figure}{why}"


def report_lines(report: AcceptanceReport, style: Style) -> list[str]:
    """The whole report for a terminal: a table, then what failed with its evidence, then what could not be made."""
    rows = [(each.result.value, each.id, each.criterion, each.measured, each.title) for each in report.findings]
    lines = table(("RESULT", "CHECK", "CRITERION", "MEASURED", ""), rows)
    painted = [lines[0]]
    for finding, line in zip(report.findings, lines[1:], strict=True):
        painted.append(
            style.paint(_MEANINGS[finding.result], line[: len(finding.result)]) + line[len(finding.result) :]
        )
    for finding in report.findings:
        if finding.result is Result.FAILED:
            painted += ["", f"{finding.id}: {finding.title}", *(f"  {line}" for line in finding.evidence)]
    missing = [each for each in report.findings if each.result is Result.NOT_MADE]
    painted += ["", "not made:", *(f"  {each.id}: {each.reason}" for each in missing)] if missing else []
    painted += _comparison(report)
    return [*painted, "", f"{report.headline} ({seconds(report.seconds)}, run {report.run_id})"]


def _comparison(report: AcceptanceReport) -> list[str]:
    lines = []
    if report.baseline:
        margin = f"{report.margin * 100:g} %"
        worse = [f"  {line}" for line in report.regressions] or ["  nothing"]
        lines += ["", f"worse than in run {report.baseline} by more than {margin}:", *worse]
    if report.left:
        lines += ["", "not put back:", *(f"  {line}" for line in report.left)]
    return lines


def report_cases(report: AcceptanceReport) -> tuple[Case, ...]:
    """A case for each check; one that was not made counts as skipped."""
    cases = [_case(finding) for finding in report.findings]
    cases += [Case("baseline", line.partition(":")[0], "failed", text=line) for line in report.regressions]
    return (*cases, *(Case("put back", "the stack is as it was", "failed", text=line) for line in report.left))


def _case(finding: Finding) -> Case:
    first = finding.reason or f"{finding.measured}: {finding.title}"
    text = "\n".join((first, *finding.evidence))
    return Case(finding.criterion, finding.id, _STATES[finding.result], text=text)


def summary(report: AcceptanceReport) -> str:
    """Markdown for the summary of a GitHub job."""
    lines = [
        f"### {_cell(report.headline)}",
        "",
        "| result | check | criterion | measured | |",
        "|---|---|---|---|---|",
    ]
    for each in report.findings:
        cells = (each.result.value, each.id, each.criterion, each.measured, each.reason or each.title)
        lines.append(f"| {' | '.join(map(_cell, cells))} |")
    lines += [f"- worse: {_cell(line)}" for line in report.regressions]
    return "\n".join((*lines, "", ""))


def _cell(text: str) -> str:
    """Text that Markdown takes as it is."""
    return html.escape(text.replace("\n", " "), quote=False).replace("|", "\\|").replace("`", "\\`")


_STYLE = """
  :root { color-scheme: light dark; --good: #1b7f3b; --bad: #b00020; --open: #8a5a00; --line: #8886; --bar: #3f6fb5 }
  @media (prefers-color-scheme: dark) { :root { --good: #7bd88f; --bad: #ff8a80; --open: #ffcf70; --bar: #8ab4f8 } }
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
  h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
  table { border-collapse: collapse; width: 100% } caption { text-align: left }
  th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line) }
  td:nth-child(4) { white-space: nowrap; font-variant-numeric: tabular-nums }
  ul { margin: .2rem 0; padding-left: 1.1rem; overflow-wrap: anywhere } .faint { opacity: .7; font-size: .9em }
  .passed b { color: var(--good) } .failed b { color: var(--bad) } .open b { color: var(--open) }
  svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; fill: currentColor }
  .bar { fill: var(--bar) } .bad { fill: var(--bad) } .line { fill: none; stroke: var(--bar); stroke-width: 2 }
  .axis { stroke: var(--line) } .bound { stroke: var(--bad); stroke-dasharray: 4 4 }
  @media (max-width: 45rem) { thead { display: none } tr { display: block; border-bottom: 1px solid var(--line) }
    td { display: block; border: 0; padding: .1rem 0 } }
  @media print { body { margin: 0; max-width: none; font-size: 11px } tr, figure, section { break-inside: avoid } }
  figure { margin: 1rem 0 } figcaption { margin-bottom: .3rem }
"""


def page(report: AcceptanceReport) -> Callable[[Callable[[str], str]], str]:
    """What makes the HTML page, given what masks a text."""

    def make(shown: Callable[[str], str]) -> str:
        def plain(text: str) -> str:
            return html.escape(shown(text))

        state = "passed" if report.outcome is Outcome.DONE else "failed"
        head = (
            '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        )
        body = "\n".join((*_opening(report, plain, state), *_checks(report, plain), *_charts(report, plain)))
        title = plain(f"Acceptance of {report.stack} on {report.target}")
        head = f'<html lang="en"><head>{head}<title>{title}</title><style>{_STYLE}</style></head>'
        return f"<!doctype html>\n{head}\n<body>\n{body}\n</body></html>\n"

    return make


def _opening(report: AcceptanceReport, plain: Callable[[str], str], state: str) -> Iterator[str]:
    yield f"<h1>{plain(f'Acceptance of {report.stack} on {report.target}')}</h1>"
    yield f'<p class="{state}"><b>{plain(report.headline)}</b></p>'
    when = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(report.started))
    facts = (
        f"run {report.run_id}",
        f"release {report.release}",
        when,
        f"took {seconds(report.seconds)}",
        report.cluster,
    )
    yield f'<p class="faint">{plain("; ".join(filter(None, facts)))}</p>'
    for line in _comparison(report):
        yield f"<p>{plain(line)}</p>" if line else ""


def _checks(report: AcceptanceReport, plain: Callable[[str], str]) -> Iterator[str]:
    yield "<table><thead><tr><th>result</th><th>criterion</th><th>check</th><th>measured</th></tr></thead><tbody>"
    for each in report.findings:
        lines = [each.reason, *each.evidence] if each.reason else each.evidence
        evidence = "".join(f"<li>{plain(line)}</li>" for line in lines)
        what = f'{plain(each.title)} <span class="faint">({plain(each.id)})</span>'
        how = f'<div class="faint">{plain(each.method)}</div><ul>{evidence}</ul>'
        cells = f"<td><b>{each.result.value}</b></td><td>{plain(each.criterion)}</td><td>{what}{how}</td>"
        yield f'<tr class="{_CLASSES[each.result]}">{cells}<td>{plain(each.measured)}</td></tr>'
    yield "</tbody></table>"


def _charts(report: AcceptanceReport, plain: Callable[[str], str]) -> Iterator[str]:
    if report.deploy:
        yield from _figure(
            f"The deploy of run {report.deploy.run_id} by phase; phases may overlap",
            charts.bars(report.deploy.phases),
            plain,
        )
    for course in report.courses:
        words = "; ".join(load_words(course.load))
        yield from _figure(f"Requests: {course.title}. {words}", charts.requests(course.by_second, words), plain)
    deploys = [each.seconds for each in report.deploys]
    if len(deploys) > 1:
        yield from _figure(
            "Full deploys, the oldest first", charts.trend(deploys, "s", None, "seconds of deploys"), plain
        )
    for finding in report.findings:
        past = [run.figures[finding.id] for run in report.trend if finding.id in run.figures]
        if finding.figure is not None and past and finding.unit == "s":
            points = [*past, finding.figure]
            chart = charts.trend(points, finding.unit, finding.threshold, finding.title)
            yield from _figure(f"{finding.id}: {finding.title}, over {len(points)} verifications", chart, plain)


def _figure(caption: str, chart: str, plain: Callable[[str], str]) -> Iterator[str]:
    yield f"<figure><figcaption>{plain(caption)}</figcaption>{chart}</figure>"
