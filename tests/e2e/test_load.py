"""`--probe-load`: what requests see while a stack changes decides how the command ends. Measuring takes its seconds."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from tests.e2e.command import Stack


def test_a_change_that_nobody_notices_ends_with_0_and_one_that_fails_requests_with_15(stack: Stack) -> None:
    done = stack.run("deploy", "--probe-load", "{}", "--headless", "--report", f"{stack.folder}/report.html")
    assert done.returncode == 0, done.stderr
    assert "load: 20 requests a second to http://127.0.0.1:" in done.stderr
    assert f"/{stack.name}" in done.stderr
    assert " none of " in done.stdout
    assert "requests meanwhile" in (stack.folder / "report.html").read_text()

    stack.edit("hello.py", "self.send_response(200)", "self.send_response(200 if healthy else 500)")
    # An address names who failed where no header does.
    stack.edit(
        "hello.py", "self.end_headers()", 'self.send_header("X-Pod-Name", os.environ["HOSTNAME"]); self.end_headers()'
    )
    report = stack.folder / "report.xml"
    words = ("deploy", "{}", "--probe-load=50", "--output", "ndjson", "--report", str(report))
    done = stack.run(*words)
    assert done.returncode == 15, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    verdict = events[-1]["verdict"]
    load = verdict["load"]
    assert (verdict["outcome"], verdict["release"], load["rate"]) == ("verify", 2, 50.0)
    assert load["steady"]["failed"] == 0
    assert load["failed"] == sum(each["count"] for each in load["failures"]) > 0
    assert all(each["reason"] == "500 Internal Server Error" for each in load["failures"])
    assert all(each["pod"].startswith("hello-") for each in load["failures"])
    measured = [event for event in events if event["type"] == "load-measured"]
    assert measured[-1]["load"]["requests"] == load["requests"]
    assert "failed: 500 Internal Server Error, by hello-" in done.stderr
    cases = {case.get("name"): case for case in ElementTree.parse(report).getroot()}
    assert cases["requests meanwhile"].find("failure") is not None

    runs = stack.json("history", "{}")["runs"]
    assert [run["outcome"] for run in runs] == ["verify", "done"]
    shown = stack.run("history", "show", "{}", runs[0]["run_id"])
    assert "500 Internal Server Error, by hello-" in shown.stdout
