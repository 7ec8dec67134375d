"""`drill` as people and pipelines use it."""

import json
from xml.etree import ElementTree

import pytest

SUITE = """
drills:
  - {kind: delete-pod, service: hello, suites: [release], expect: {failed_requests: 0}}
  - {kind: kill-process, service: hello, suites: [release]}
"""


def deployed(stack, more=""):
    file = stack.folder / "stack.yaml"
    file.write_text(file.read_text() + more)
    assert stack.run("deploy", "{}", "--headless").returncode == 0


def test_a_drill_asks_first_then_measures_and_is_kept(stack):
    deployed(stack)
    listed = {each["source"]["kind"]: each["reason"] for each in stack.json("drill", "list", "{}")["drills"]}
    assert listed["delete-pod"] == ""
    assert "shareProcessNamespace" in listed["kill-process"]
    refused = stack.run("drill", "run", "{}", "delete-pods", "hello", "--headless")
    assert (refused.returncode, "add: --yes" in refused.stderr) == (19, True)
    assert stack.run("drill", "run", "{}", "kill-process", "hello", "--headless", "--yes").returncode == 10
    done = stack.json("drill", "run", "{}", "delete-pods", "hello", "--headless", "--yes")
    drill = done["verdict"]["drill"]
    assert {"injected", "rescheduled", "ready", "undone", "steady"} <= {each["name"] for each in drill["moments"]}
    kept = stack.json("history", "{}")["runs"][0]
    assert (kept["kind"], kept["outcome"], kept["drill"]["recovered"]) == ("drill", "done", drill["recovered"])
    assert "no drill is open" in stack.run("drill", "undo", "{}").stdout


@pytest.mark.soak
def test_a_suite_is_a_gate_whose_report_leaves_out_what_does_not_apply(stack, tmp_path):
    deployed(stack, SUITE)
    report = tmp_path / "drills.xml"
    done = stack.run("drill", "run", "{}", "--suite", "release", "--headless", "--yes", "--report", str(report))
    assert done.returncode == 0, done.stderr
    assert "1 drill passed, 0 failed, 1 not applicable" in done.stdout
    cases = {case.get("name"): [child.tag for child in case] for case in ElementTree.parse(report).iter("testcase")}
    assert cases == {"delete-pod": [], "kill-process": ["skipped"], "verdict": []}
    unknown = stack.run("drill", "run", "{}", "--suite", "nightly", "--headless", "--yes")
    assert (unknown.returncode, "there are: release" in unknown.stderr) == (2, True)


@pytest.mark.soak
def test_what_is_not_as_expected_ends_with_16_in_a_suite_as_well(stack):
    deployed(stack, SUITE.replace("expect: {failed_requests: 0}", "expect: {recover_within: 0.001s}"))
    done = stack.run("drill", "run", "{}", "--suite", "release", "--headless", "--yes", "--output", "json")
    assert done.returncode == 16, done.stderr
    first = json.loads(done.stdout)["drills"][0]["verdict"]
    assert (first["exit_code"], "expected within 0.0 s" in first["headline"]) == (16, True)


@pytest.mark.soak
def test_a_protected_target_is_drilled_only_as_the_file_allows_it(stack):
    stack.edit("stack.yaml", "sandbox: {kind: sandbox}", "sandbox: {kind: sandbox, protected: true}")
    file = stack.folder / "stack.yaml"
    allowed = SUITE.replace("suites: [release], expect", "on_protected: [sandbox], expect")
    file.write_text(file.read_text() + allowed)
    meant = ("--yes-i-mean", stack.name)
    assert stack.run("deploy", "{}", "--headless", *meant).returncode == 0
    other = stack.run("drill", "run", "{}", "evict", "hello", "--headless", "--yes", *meant)
    assert (other.returncode, "does not allow evict of hello there" in other.stderr) == (19, True)
    assert stack.run("drill", "run", "{}", "delete-pod", "hello", "--headless", "--yes").returncode == 19
    assert stack.run("drill", "run", "{}", "delete-pod", "hello", "--headless", *meant).returncode == 0
