"""Reports: JUnit that parses, HTML that shows it, JSON; whole files, nothing secret."""

import json
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from console.cli.report import Case, Report, check_writable, run_cases, save_report
from console.model.errors import UsageError
from console.model.load import Failure, Load
from console.model.outcome import Outcome
from console.model.plan import Plan, Step, StepKind
from console.model.run import Run, StepRun, StepState, Verdict
from tests.cli.conftest import SECRET

CASES = (
    Case("backend", "build backend", "passed", 2.5),
    Case("backend", "wait for backend", "failed", 9.0, f"exits with 1\x00 <&> \x1b[31m {SECRET}"),
    Case("todo", "record the release", "skipped", 0.0, "left out after a failure"),
)
REPORT = Report(
    "deploy", "todo: <backend> did not get ready", Outcome.ROLLOUT, 12.0, CASES, {"verdict": {"why": SECRET}}
)


def test_junit_is_xml_with_a_case_a_step_and_the_verdict(tmp_path, redactor):
    save_report(REPORT, tmp_path / "report.xml", redactor)
    suite = ElementTree.parse(tmp_path / "report.xml").getroot()
    assert (suite.tag, suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("testsuite", "4", "2", "1")
    names = [(case.get("classname"), case.get("name")) for case in suite]
    assert names[0] == ("backend", "build backend")
    assert names[-1] == ("deploy", "verdict")
    assert "exits with 1" in (suite[1].find("failure").text or "")


def test_a_failure_that_no_step_shows_is_a_failure_in_junit(tmp_path, redactor):
    report = Report("deploy", "held by another run", Outcome.LOCKED, 0.1, (), {})
    save_report(report, tmp_path / "report.xml", redactor)
    assert ElementTree.parse(tmp_path / "report.xml").getroot().get("failures") == "1"


def test_html_is_escaped_and_whole(tmp_path, redactor):
    save_report(REPORT, tmp_path / "report.html", redactor)
    text = (tmp_path / "report.html").read_text()
    HTMLParser().feed(text)
    assert "&lt;backend&gt; did not get ready" in text
    assert "rollout (exit 14)" in text
    assert text.rstrip().endswith("</html>")


def test_json_is_the_document_of_stdout_with_the_outcome(tmp_path, redactor):
    save_report(REPORT, tmp_path / "report.json", redactor)
    content = json.loads((tmp_path / "report.json").read_text())
    assert (content["v"], content["type"], content["outcome"]) == (1, "deploy", "rollout")


@pytest.mark.parametrize("ending", ["xml", "html", "json"])
def test_no_report_holds_a_secret(tmp_path, redactor, ending):
    file = tmp_path / f"report.{ending}"
    save_report(REPORT, file, redactor)
    assert "s3cr3t-pa55word" not in file.read_text()
    assert [each.name for each in tmp_path.iterdir()] == [file.name]


def test_a_folder_that_is_not_there_is_told_before_anything_begins(tmp_path):
    with pytest.raises(UsageError, match="the report cannot be written"):
        check_writable(tmp_path / "nowhere" / "report.xml")


def test_steps_that_were_never_begun_count_as_skipped():
    steps = (Step("build:a", StepKind.BUILD, "build a", "a"), Step("record", StepKind.RECORD, "record the release"))
    plan = Plan("deploy", "todo", "sandbox", "todo", "sandbox", False, steps)
    runs = {"build:a": StepRun("build:a", StepState.FAILED, 1.0, 3.5, "no such file"), "record": StepRun("record")}
    assert run_cases(Run("r", "deploy", plan, "", 0.0, runs)) == (
        Case("a", "build a", "failed", 2.5, "no such file"),
        Case("todo", "record the release", "skipped", 0.0, ""),
    )


def test_requests_meanwhile_are_a_case_of_their_own():
    load = Load("http://web/", 20.0, 10.0, 200, 1, (Failure("timeout", "web-1", 1),), 0.004, 0.009, 0.02)
    verdict = Verdict(Outcome.VERIFY, "so", (), 1.0, (), None, (), (), "", load=load)
    run = Run("run-1", "deploy", Plan("deploy", "todo", "a", "b", "c", False, ()), "", 0.0, {}, verdict=verdict)
    (case,) = run_cases(run)
    assert (case.group, case.name, case.state, case.seconds) == ("todo", "requests meanwhile", "failed", 10.0)
    assert "1 failed: timeout, by web-1" in case.text
