"""What is told of a run: each thing once, by service, with what steps printed."""

from pathlib import Path

import pytest

from console.cli.telling import Telling
from console.model.diagnosis import Cause, Diagnosis
from console.model.events import (
    EventObserved,
    LoadMeasured,
    PodGone,
    Relisted,
    RunStarted,
    StepFailed,
    StepFinished,
    StepOutput,
    StepProgressed,
    StepSkipped,
    StepStarted,
    StepWaiting,
    WatchLost,
)
from console.model.load import Failure, Load, LoadSecond
from console.model.plan import Plan, Step, StepKind
from console.model.run import Progress
from console.model.workload import ClusterEvent

BUILD = Step("build:backend", StepKind.BUILD, "build backend", "backend")
WAIT = Step("wait:backend", StepKind.WAIT, "wait for backend", "backend")
PLAN = Plan("deploy", "todo", "sandbox", "todo", "sandbox", False, (BUILD, WAIT), expected_seconds=12.0)
STARTED = RunStarted("run-1", "deploy", PLAN, "stack-console deploy todo", 100.0)


@pytest.fixture
def log(tmp_path) -> Path:
    return tmp_path / "step.log"


@pytest.fixture
def tell(narrator, log):
    """Tells facts, and gives back the words of the lines, without times."""
    telling = Telling(narrator, lambda run_id, step_id: log, lambda uid: {"pod-1": "backend"}.get(uid, ""))
    telling(STARTED)
    narrator.stream.truncate(0)

    def feed(*facts):
        narrator.stream.seek(0)
        narrator.stream.truncate(0)
        for fact in facts:
            telling(fact)
        return [line[9:].rstrip() for line in narrator.stream.getvalue().splitlines()]

    return feed


def test_a_run_is_introduced(narrator, log):
    Telling(narrator, lambda run_id, step_id: log, lambda uid: "")(STARTED)
    text = narrator.stream.getvalue()
    assert "deploy todo on sandbox (context sandbox, namespace todo): 2 steps, about 12 s by its own past" in text
    assert "run run-1" in text


def test_a_step_is_told_with_its_service_detail_and_seconds(tell):
    lines = tell(StepStarted("run-1", BUILD.id, 101.0), StepFinished("run-1", BUILD.id, "built 2 kB", 103.5))
    assert lines == ["backend       build backend: ...", "backend       build backend: built 2 kB (2.5 s)"]
    assert tell(StepSkipped("run-1", WAIT.id, "nothing changed", 104.0))[0].endswith("skipped: nothing changed")
    assert "FAILED: no such file" in tell(StepFailed("run-1", BUILD.id, "no such file", (), 105.0))[0]


def test_what_a_step_prints_is_passed_on_in_whole_lines_and_once(tell, log):
    output = StepOutput("run-1", BUILD.id, 2, "two", 102.0)
    log.write_bytes(b"one\ntw")
    assert tell(output) == ["backend       | one"]
    log.write_bytes(b"one\ntwo\n")
    assert tell(output, output) == ["backend       | two"]
    log.write_bytes(b"one\ntwo\nno line end")
    assert tell(StepFinished("run-1", BUILD.id, "", 103.0))[0] == "backend       | no line end"


def test_on_github_the_output_of_a_step_is_one_group_at_its_end(tell, narrator, log):
    narrator.github = True
    log.write_bytes(b"one\ntwo\n")
    assert not tell(StepOutput("run-1", BUILD.id, 2, "two", 102.0))
    tell(StepStarted("run-1", BUILD.id, 101.0), StepFinished("run-1", BUILD.id, "", 103.0))
    assert "::group::build backend (2.0 s)\n| one\n| two\n::endgroup::" in narrator.stream.getvalue()


def test_a_cause_of_waiting_is_told_once(tell):
    cause = Diagnosis(Cause.READINESS_PROBE, "backend", "pod/backend-1", False, "not ready yet", "HTTP 503")
    waiting = StepWaiting("run-1", WAIT.id, (cause,), 103.0)
    assert tell(waiting, waiting) == ["backend       waiting for backend-1: not ready yet: HTTP 503"]


def test_what_only_starts_is_told_stage_by_stage_and_not_pod_by_pod(tell):
    def waiting(pod, summary):
        return StepWaiting("run-1", WAIT.id, (Diagnosis(Cause.STARTING, "backend", pod, False, summary),), 103.0)

    created = [waiting("pod/backend-2", "2 pods: being created"), waiting("pod/backend-1", "being created")]
    tries = [waiting("pod/backend-1", f"starting: startup probe {count} of 30") for count in (1, 2, 3)]
    assert tell(*created, *tries) == [
        "backend       waiting for 2 pods: being created",
        "backend       waiting for backend-1: starting: startup probe 1 of 30",
    ]


def test_progress_is_told_when_pods_change_and_bytes_at_most_every_few_seconds(tell):
    pods = [StepProgressed("run-1", WAIT.id, Progress(done, 3, "pods"), 103.0 + done) for done in (1, 1, 2)]
    assert [line.rpartition(": ")[2] for line in tell(*pods)] == ["1/3 pods", "2/3 pods"]
    sent = [StepProgressed("run-1", BUILD.id, Progress(n * 1e6, 9e6, "bytes"), 103.0 + n) for n in range(9)]
    assert [line.rpartition(": ")[2] for line in tell(*sent)] == ["0.0/9.0 MB", "5.0/9.0 MB"]


def test_a_lost_connection_is_told_once_and_so_is_its_return(tell):
    lost = [WatchLost(each, 103.0, "connection refused") for each in ("pods", "events")]
    back = [Relisted(each, frozenset(), 104.0) for each in ("pods", "events")]
    lines = tell(*lost, *lost, *back, *back)
    assert [line.strip() for line in lines] == [
        "lost sight of the cluster: connection refused; trying again",
        "the cluster is in sight again",
    ]


def warning(last, reason="BackOff", words="503", count=1):
    about = ("Pod", "todo", "backend-1", "pod-1", "", "Warning")
    return EventObserved(ClusterEvent("e", *about, reason, words, count, 101.0, last))


def test_warnings_of_the_cluster_are_told_once_by_service_and_only_those_of_the_run(tell):
    assert tell(warning(99.0)) == []
    assert tell(warning(101.0), warning(102.0)) == ["backend       BackOff pod/backend-1: 503"]
    assert tell(warning(101.0, "FailedGetResourceMetric")) == [], "an autoscaler has no figures at first"


def test_a_probe_that_fails_is_a_warning_once_it_persists(tell):
    words = "Readiness probe failed: 503"
    assert tell(warning(101.0, "Unhealthy", words), warning(102.0, "Unhealthy", words, count=2)) == []
    assert tell(warning(103.0, "Unhealthy", words, count=3)) == [f"backend       Unhealthy pod/backend-1: {words}"]
    assert tell(warning(104.0, "Unhealthy", "Startup probe failed: 503", count=9)) == [], "the wait tells how far it is"


def test_what_is_not_for_people_is_not_told(tell):
    assert tell(PodGone("pod-1")) == []


def test_requests_meanwhile_are_told_every_few_seconds_and_each_way_to_fail_at_once(tell):
    def measured(at, failed=0):
        failures = (Failure("503 Service Unavailable", "web-1", failed),) if failed else ()
        load = Load("http://web/", 20.0, at, int(20 * at), failed, failures, 0.004, 0.009, 0.02, first_answer=0.1)
        return LoadMeasured("run-1", load, LoadSecond(at, 20, failed, 0.009), at)

    where = "load: 20 requests a second to http://web/"
    figures = "load: 20.0 requests/s, none of 200 failed, p50 4.0 ms, p95 9.0 ms, p99 20 ms"
    assert [line.strip() for line in tell(measured(10.0), measured(11.0), measured(12.0))] == [where, figures]
    (failed,) = tell(measured(13.0, failed=3))
    assert failed.strip() == "load: 3 failed: 503 Service Unavailable, by web-1"
    (again,) = tell(measured(15.0, failed=5))
    assert again.strip().startswith("load: 20.0 requests/s, 5 of 300 failed")
