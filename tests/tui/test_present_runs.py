"""Plans, runs, history, a pod in full, the line at the top and the help, as words."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from console.engine.ports import EvidenceItem, RunRecord
from console.engine.store import Store
from console.model.diagnosis import Cause, Diagnosis
from console.model.events import (
    RunFinished,
    RunStarted,
    StepFailed,
    StepFinished,
    StepProgressed,
    StepSkipped,
    StepStarted,
    StepWaiting,
    WatchLost,
)
from console.model.outcome import Outcome
from console.model.plan import ChangeKind, Check, FieldChange, ObjectChange, ObjectRef
from console.model.release import Release
from console.model.run import Progress, Run, Verdict
from console.model.workload import ProbeKind
from console.tui.bindings import KEYS
from console.tui.present.details import pod_lines, probe_cells, sparkline
from console.tui.present.glyphs import ASCII, UNICODE
from console.tui.present.heading import Standing, left_line, right_line
from console.tui.present.lines import Line, plain
from console.tui.present.past import evidence_lines, outcome_cell, release_lines, run_cells
from console.tui.present.plans import plan_text, refusals, step_cells, summary
from console.tui.present.runs import (
    done_share,
    progress_line,
    progress_words,
    run_words,
    time_left,
    verdict_lines,
    waiting_lines,
)
from console.tui.present.runs import step_cells as course_cells
from console.tui.screens.help import help_lines, written
from tests.tui.scripted import NOW, SERVICES, backoff_event, crashed, fill, plan, result, spec, steps, verdict


def text(lines: list[Line] | tuple[Line, ...]) -> str:
    return "\n".join(map(plain, lines))


def filled() -> Store:
    store = Store("todo", "dev", "todo", SERVICES, [("database", "postgres")])
    fill(store)
    return store


def course(*happened: object) -> Run:
    store = filled()
    store.dispatch(RunStarted("run-1", "deploy", plan(), "stack-console deploy todo", NOW), *happened)
    run = store.view().run
    assert run is not None
    return run


BLOCKED = Diagnosis(Cause.READINESS_PROBE, "backend", "pod/backend-1", False, "answers 503", "HTTP 503")


# -- plan


def test_a_plan_shows_checks_steps_and_the_diff_of_every_object_in_order() -> None:
    told = text(plan_text(plan(), ASCII).lines)
    assert told.index("2 checks passed  cluster, push") < told.index("! quota: nearly used up")
    assert told.index("+ configmap/backend  create") < told.index("~ deployment/backend  update")
    assert "data.LOG_LEVEL: + info" in told
    assert "spec.replicas: - 2 -> + 3" in told
    assert "metadata.annotations.old: - yes" in told
    assert "build backend  about 8.0 s" in told


def test_every_step_can_be_jumped_to() -> None:
    shown = plan_text(plan(), UNICODE)
    assert shown.anchors.keys() == {step.id for step in steps()}
    assert plain(shown.lines[shown.anchors["apply:backend"]]).startswith("apply backend")


def test_values_of_several_lines_stand_below_each_other_as_a_diff() -> None:
    change = FieldChange("data.conf", ChangeKind.UPDATE, "a\nb", "a\nc")
    ref = ObjectRef("v1", "ConfigMap", "todo", "conf")
    step = replace(steps()[3], changes=(ObjectChange(ref, "backend", ChangeKind.UPDATE, (change,)),))
    told = [plain(each).strip() for each in plan_text(plan(steps=(step,)), ASCII).lines]
    assert told[-4:] == ["- a", "- b", "+ a", "+ c"]


def test_a_failed_check_is_shown_with_what_to_do_and_counts_as_a_refusal() -> None:
    refused = plan(checks=(Check("push", False, "401 from the registry", "log in"),))
    told = text(plan_text(refused, ASCII).lines)
    assert "! push: 401 from the registry" in told
    assert "try  log in" in told
    assert (refusals(refused), refusals(plan())) == (1, 0)


def test_drift_is_told_before_any_step() -> None:
    drift = FieldChange("spec.replicas", ChangeKind.UPDATE, "3", "5")
    change = replace(steps()[3].changes[1], drift=(drift,))
    drifted = plan(steps=(replace(steps()[3], changes=(change,)),))
    told = text(plan_text(drifted, ASCII).lines)
    assert told.index("changed by others since the last release") < told.index("apply backend")
    assert "deployment/backend spec.replicas: 3 -> 5" in told


def test_a_plan_without_changes_says_that_there_is_nothing_to_do() -> None:
    nothing = plan(steps=steps()[:1])
    assert "nothing to do: the cluster is as declared" in text(plan_text(nothing, ASCII).lines)
    assert summary(nothing) == "nothing to do"


def test_a_plan_in_one_line_counts_steps_and_changes() -> None:
    assert summary(plan()) == "6 steps, 1 to create, 1 to update, about 17 s"
    assert step_cells(steps()[3])[0][0] == "apply backend (2)"


# -- run


def test_the_run_tree_shows_state_title_progress_and_time_of_every_step() -> None:
    run = course(
        StepStarted("run-1", "preflight", NOW),
        StepFinished("run-1", "preflight", "", NOW + 0.4),
        StepStarted("run-1", "build:backend", NOW + 0.4),
        StepSkipped("run-1", "push:backend", "unchanged", NOW + 1),
    )
    rows = [[words for words, _ in course_cells(step, run.steps[step.id], NOW + 3.4, ASCII)] for step in steps()]
    assert rows[0] == ["*", "preflight", "done", "0.4 s"]
    assert rows[1] == [">", "build backend", "running", "3.0 s"]
    assert rows[2] == ["-", "push backend", "unchanged", ""]
    assert rows[3] == [".", "apply backend", "", "~0.5 s"]


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (Progress(2, 3, "pods"), "2/3 pods"),
        (Progress(1_200_000, 4_100_000, "bytes"), "1.2 MB of 4.1 MB"),
        (Progress(1_200_000, None, "bytes"), "1.2 MB"),
    ],
)
def test_progress_in_words(progress: Progress, words: str) -> None:
    assert progress_words(progress) == words


def test_what_is_waited_for_is_named_and_forgotten_when_it_is_over() -> None:
    waiting = (StepStarted("run-1", "wait:backend", NOW), StepWaiting("run-1", "wait:backend", (BLOCKED,), NOW))
    assert "backend: answers 503" in text(waiting_lines(course(*waiting), ASCII))
    assert waiting_lines(course(*waiting, StepFinished("run-1", "wait:backend", "3/3 ready", NOW + 1)), ASCII) == []


def test_a_failure_without_a_diagnosis_still_has_its_words() -> None:
    failed = course(StepFailed("run-1", "build:backend", "exit code 2 from RUN pip install", (), NOW))
    assert "build:backend: exit code 2 from RUN pip install" in text(waiting_lines(failed, ASCII))


def test_progress_never_goes_back_nor_claims_to_be_done_before_the_end() -> None:
    run = course(StepStarted("run-1", "preflight", NOW), StepStarted("run-1", "build:backend", NOW))
    shares = [done_share(run, NOW + second) for second in range(0, 120, 5)]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] < 1
    assert time_left(run, NOW) == pytest.approx(17.0)
    ended = course(RunFinished("run-1", verdict(), NOW + 16))
    assert (done_share(ended, NOW + 99), time_left(ended, NOW + 99)) == (1.0, None)


@pytest.mark.parametrize("width", [30, 76, 116])
def test_the_bar_has_the_width_that_there_is(width: int) -> None:
    bar = plain(
        progress_line(course(StepProgressed("run-1", "push:backend", Progress(1, 2, "x"), NOW)), NOW, width, ASCII)
    )
    assert len(bar) <= max(width, 10 + len(bar.lstrip("#-")))
    assert "17 s left" in bar or "16 s left" in bar


def failure(**changes: object) -> Verdict:
    base = verdict(
        outcome=Outcome.ROLLOUT,
        headline="backend did not become ready",
        diagnoses=(BLOCKED,),
        release=None,
        addresses=(),
        evidence=("previous log of backend-1",),
        next_step="mend /ready, then deploy again",
    )
    return replace(base, **changes)


def test_a_failed_verdict_begins_with_headline_and_cause_and_ends_in_the_exit_code() -> None:
    told = text(verdict_lines(failure(), ASCII))
    assert told.startswith("! backend did not become ready")
    order = ("answers 503", "mend /ready", "previous log of backend-1", "phases", "exit code 14")
    assert [told.index(each) for each in order] == sorted(told.index(each) for each in order)


def test_a_good_verdict_names_release_and_address_and_no_exit_code() -> None:
    told = text(verdict_lines(verdict(), ASCII))
    assert "http://127.0.0.1:8080/" in told
    assert re.search(r"release +8", told)
    assert "exit code" not in told


def test_a_run_in_a_few_words_names_the_step_that_runs() -> None:
    assert run_words(course(StepStarted("run-1", "build:backend", NOW)), NOW) == "deploy 0 %, build backend"


# -- history


def test_a_run_that_never_ended_is_called_unfinished() -> None:
    record = RunRecord("r1", "deploy", "todo", "dev", NOW, "stack-console deploy todo", None)
    assert [words for words, _ in run_cells(record, ASCII)][1:4] == ["- unfinished", "", "-"]
    assert outcome_cell("done", ASCII)[0] == "* done"
    assert outcome_cell("rollout", ASCII)[0] == "! rollout"


def test_evidence_shows_how_to_repeat_the_run_and_every_piece_in_full() -> None:
    record = RunRecord("r1", "deploy", "todo", "dev", NOW, "stack-console deploy todo", NOW + 3)
    items = [EvidenceItem("r1", "previous log", "pod/a", "MCP_URL is not set\nexit 1", NOW)]
    told = text(evidence_lines(replace(record, outcome="rollout", headline="failed"), items, ASCII))
    assert "repeat    stack-console deploy todo" in told
    assert "previous log: pod/a\n  MCP_URL is not set\n  exit 1" in told
    assert "Evidence  none" in text(evidence_lines(record, [], ASCII))


def test_a_release_names_its_objects_and_never_their_bodies() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "keys"}, "data": {"password": "aHVudGVyMg=="}}
    told = text(release_lines(Release(7, "todo", "dev", NOW, "anna", "done", {"a": "a:1"}, (secret,), "k"), ASCII))
    assert re.search(r"Secret +keys", told)
    assert "aHVudGVyMg" not in told


# -- a pod in full


def test_a_pod_in_full_tells_how_its_container_ended_and_what_the_cluster_said() -> None:
    view = filled().view()
    told = text(pod_lines(view, crashed(), view.diagnoses, [backoff_event()], NOW, ASCII))
    assert "exit code 1  Error after 1s 61s ago  MCP_URL is not set" in told
    assert "starts 4 again" in told
    assert re.search(r"! BackOff +Back-off restarting failed container \(4 times\)", told)
    assert "! Ready" in told
    assert "ContainersNotReady" in told


def test_a_probes_row_shows_its_past_as_a_sparkline() -> None:
    assert sparkline([True, True, False, True], 3, ASCII) == "|x|"
    failed = result(ProbeKind.READINESS, False, 2, 3, "503")
    cells = [words for words, _ in probe_cells("backend", spec(ProbeKind.READINESS), failed, [True, False], NOW, ASCII)]
    assert cells[:6] == ["backend", "readiness", "! failed", "2", "3s", "|x"]
    unknown = [words for words, _ in probe_cells("backend", spec(ProbeKind.READINESS), None, [], NOW, ASCII)]
    assert unknown[2:6] == ["-", "-", "-", ""]


# -- the line at the top


def test_the_line_at_the_top_says_where_we_are_and_how_fresh_it_is() -> None:
    view = filled().view()
    standing = Standing("todo", "dev", lag=0.3, cpu=0.03)
    assert plain(left_line(view, standing, "", NOW, 120)) == " todo > dev  ns todo  release 7 (2m ago)"
    assert plain(right_line(view, standing, NOW, 120, ASCII)).strip() == "live  0.3 s behind  cpu 3%"


def test_before_there_is_a_view_it_says_what_goes_on() -> None:
    standing = Standing("todo", "dev", "no connection")
    assert plain(left_line(None, standing, "", NOW, 80)) == " todo > dev"
    assert plain(right_line(None, standing, NOW, 80, ASCII)).startswith("no connection")
    assert plain(right_line(None, Standing("todo", "dev"), NOW, 80, ASCII)).startswith("loading")


def test_read_only_masking_by_pattern_a_run_and_staleness_are_told() -> None:
    store = filled()
    store.dispatch(RunStarted("run-1", "deploy", plan(), "", NOW), WatchLost("pods", NOW - 12, "reset"))
    told = plain(right_line(store.view(), Standing("todo", "dev", read_only=True, by_pattern=True), NOW, 120, ASCII))
    assert told.startswith("> deploy 0 %")
    assert "read-only  masking by pattern  stale  " in told


# -- help


@pytest.mark.parametrize("place", ["home", "plan", "run", "logs", "pod", "history", "text"])
def test_help_has_every_key_that_works_there(place: str) -> None:
    told = text(list(help_lines(place, place)))
    for key in KEYS:
        if {place, "rows", "app"} & set(key.places):
            assert key.help in told
            assert written(key.keys) in told


def test_keys_are_written_as_people_write_them() -> None:
    assert written("slash") == "/"
    assert written("ctrl+s") == "Ctrl-s"
    assert written("escape,q,question_mark") == "Esc q ?"


def test_no_key_means_two_things_at_one_place() -> None:
    for place in {place for key in KEYS for place in key.places}:
        names = [name for key in KEYS if place in key.places for name in key.keys.split(",")]
        assert len(names) == len(set(names)), place


def test_a_stack_that_was_never_deployed_is_said_to_have_no_release() -> None:
    store = Store("todo", "dev", "todo", SERVICES, [])
    assert "no release" in plain(left_line(store.view(), Standing("todo", "dev"), "", NOW, 80))
