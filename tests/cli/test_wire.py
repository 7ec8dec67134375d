"""The JSON of stdout: names that stay, and nothing secret."""

import json
from dataclasses import fields
from pathlib import Path
from typing import get_args

from console.cli.wire import FACT_TYPES, VERSION, as_json, fact_event
from console.model.diagnosis import Cause, Diagnosis
from console.model.events import Fact, Relisted, RunFinished, StepFailed
from console.model.outcome import Outcome
from console.model.run import Verdict
from tests.cli.conftest import SECRET

DOCS = Path(__file__).parents[2] / "docs" / "commands.md"

FIELDS_OF_VERSION_1 = {
    "pod-observed": {"pod"},
    "pod-gone": {"uid"},
    "workload-observed": {"workload"},
    "workload-gone": {"uid"},
    "event-observed": {"event"},
    "probe-observed": {"pod_uid", "container", "result"},
    "usage-observed": {"usage"},
    "external-observed": {"external"},
    "relisted": {"resource", "uids"},
    "watch-beat": {"resource"},
    "watch-lost": {"resource", "why"},
    "denied": {"resource", "right"},
    "run-started": {"run_id", "kind", "plan", "command"},
    "step-started": {"run_id", "step_id"},
    "step-output": {"run_id", "step_id", "lines", "last"},
    "step-progressed": {"run_id", "step_id", "progress"},
    "step-waiting": {"run_id", "step_id", "diagnoses"},
    "step-finished": {"run_id", "step_id", "detail"},
    "step-skipped": {"run_id", "step_id", "why"},
    "step-failed": {"run_id", "step_id", "error", "diagnoses"},
    "run-finished": {"run_id", "verdict"},
    "release-observed": {"number", "outcome", "by", "changes"},
    "clue-found": {"pod_uid", "container", "text"},
}


def test_no_event_and_no_field_of_version_1_was_lost():
    assert VERSION == 1
    now = {name: {field.name for field in fields(fact)} for fact, name in FACT_TYPES.items()}
    for name, promised in FIELDS_OF_VERSION_1.items():
        assert promised <= now[name], name


def test_every_fact_has_a_name_and_stands_in_the_docs():
    text = DOCS.read_text()
    assert set(FACT_TYPES) == set(get_args(Fact))
    for fact, name in FACT_TYPES.items():
        told = ", ".join(f"`{field.name}`" for field in fields(fact) if field.name != "at")
        assert f"| `{name}` | {told} |" in text


def test_an_event_has_a_version_a_type_and_a_time(redactor):
    event = fact_event(Relisted("pods", frozenset({"b", "a"}), 12.0), redactor.text)
    assert event == {"v": 1, "type": "relisted", "resource": "pods", "uids": ["a", "b"], "at": 12.0}


def test_a_verdict_names_its_exit_code_and_outcome(redactor):
    verdict = Verdict(Outcome.ROLLOUT, "backend", (), 1.5, (("wait", 1.5),), None, (), (), "")
    plain = as_json(RunFinished("r", verdict, 1.0), redactor.text)["verdict"]
    assert (plain["outcome"], plain["exit_code"], plain["phases"]) == ("rollout", 14, [["wait", 1.5]])
    json.dumps(plain)


def test_a_secret_is_masked_in_every_text_of_an_event(redactor):
    found = Diagnosis(Cause.CRASH_LOOP, "backend", "pod/backend", True, f"cannot reach {SECRET}", evidence=SECRET)
    line = json.dumps(fact_event(StepFailed("r", "wait:backend", SECRET, (found,), 1.0), redactor.text))
    assert "s3cr3t-pa55word" not in line
    assert as_json({SECRET: Path(SECRET)}, redactor.text).keys().isdisjoint({SECRET})
