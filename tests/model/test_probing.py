"""What is believed of a probe: counters before events before the status, and the newest before the older."""

from dataclasses import replace

import pytest

from console.model.probing import faded, follow, from_counts, from_event, merge, was_ready
from console.model.workload import ContainerState, ProbeKind, ProbeResult, ProbeSource
from tests.observed import LIVE, READY, START, condition, container, event, pod, starting, waiting

KIND = ProbeKind.READINESS


def result(ok, source=ProbeSource.METRICS, streak=1, at=100.0, answer=""):
    return ProbeResult(KIND, ok, streak, at, source, answer)


def count(before, now, last=None, passing=True):
    found = from_counts(KIND, before, now, last, passing, 110.0)
    return found and (found.ok, found.streak)


def test_what_was_counted_since_the_last_time_is_the_result():
    assert count((5, 0), (6, 0), result(True, streak=5)) == (True, 6)
    assert count((5, 0), (5, 2), result(True, streak=5)) == (False, 2)
    assert count((5, 2), (5, 3), result(False, streak=2)) == (False, 3)
    assert count((5, 3), (6, 3), result(False, streak=3)) == (True, 1)


def test_nothing_counted_is_no_news():
    assert count((5, 1), (5, 1)) is None


def test_the_first_time_everything_counts_as_far_as_the_order_is_known():
    assert count(None, (7, 0)) == (True, 7)
    assert count(None, (0, 4)) == (False, 4)
    assert count(None, (7, 2), passing=False) == (False, 1)


def test_counters_that_begin_anew_are_of_a_new_kubelet():
    assert count((50, 2), (1, 0), result(False, streak=9)) == (True, 1)


def test_a_streak_goes_on_while_the_answer_is_kept():
    found = from_counts(KIND, (0, 3), (0, 4), result(False, streak=3, answer="statuscode: 503"), False, 1.0)
    assert found == ProbeResult(KIND, False, 4, 1.0, ProbeSource.METRICS, "statuscode: 503")


@pytest.mark.parametrize(
    ("message", "kind", "answer"),
    [
        ("Readiness probe failed: HTTP probe ... code: 503", ProbeKind.READINESS, "HTTP probe ... code: 503"),
        ("Liveness probe failed: ", ProbeKind.LIVENESS, ""),
        ("Startup probe errored: rpc error:\n no such container", ProbeKind.STARTUP, "rpc error: no such container"),
        ("Readiness probe errored and resulted in unknown state: timeout", ProbeKind.READINESS, "timeout"),
    ],
)
def test_an_unhealthy_event_tells_the_answer(message, kind, answer):
    found = from_event(event("Unhealthy", message, count=4))
    assert found == ProbeResult(kind, False, 4, 99.5, ProbeSource.EVENT, answer)


def test_other_events_tell_nothing_of_probes():
    assert from_event(event("BackOff", "Readiness probe failed: no")) is None


def test_an_event_gives_its_answer_to_what_was_counted():
    counted = result(False, streak=7)
    merged = merge(counted, result(False, ProbeSource.EVENT, streak=2, answer="statuscode: 503"))
    assert (merged.streak, merged.source, merged.answer) == (7, ProbeSource.METRICS, "statuscode: 503")


def test_an_old_event_does_not_undo_a_newer_result():
    assert merge(result(True, at=100.5), result(False, ProbeSource.EVENT, at=90.0)).ok is True
    assert merge(result(True, at=100.5), result(False, ProbeSource.EVENT, at=101.0)).ok is False


def test_the_status_only_tells_what_is_new():
    assert merge(result(True, streak=9), result(True, ProbeSource.STATUS)).streak == 9
    assert merge(result(True), result(None, ProbeSource.STATUS)).ok is True
    assert merge(result(False, at=100.7), result(True, ProbeSource.STATUS, at=100.0)).ok is True
    assert merge(result(False, at=100.7), result(True, ProbeSource.STATUS, at=98.0)).ok is False


def test_a_status_tells_what_the_thresholds_made_of_the_probes():
    found = follow(pod(container(probes=(START, READY, LIVE))), None, {})
    assert {kind: each.ok for (_, kind), each in found.items()} == dict.fromkeys(ProbeKind, True)
    found = follow(pod(starting(probes=(START, READY, LIVE))), None, {})
    assert {kind: each.ok for (_, kind), each in found.items()} == dict.fromkeys(ProbeKind)


def test_a_startup_probe_of_a_container_that_has_started_is_over_however_new_its_last_failure_is():
    failure = replace(result(False, at=105.0), kind=ProbeKind.STARTUP)
    begun = pod(starting(probes=(START,), started=True, since=100.0))
    found = follow(begun, begun, {("main", ProbeKind.STARTUP): failure})["main", ProbeKind.STARTUP]
    assert (found.ok, found.at) == (True, None)
    assert merge(found, replace(failure, source=ProbeSource.EVENT)) is found


def test_readiness_that_was_lost_is_a_failure_and_readiness_to_come_is_none():
    lost = pod(starting(started=True), conditions=(condition("Ready", "False", since=50.0),))
    assert follow(lost, None, {})["main", KIND].ok is False
    assert was_ready(lost, lost.containers[0])
    young = pod(starting(started=True), conditions=(condition("Ready", "False", since=5.0),))
    assert follow(young, None, {})["main", KIND].ok is None


def test_results_of_a_run_are_kept_when_it_ends_and_forgotten_when_the_next_begins():
    known = {("main", KIND): result(False, answer="503")}
    before = pod(container(probes=(READY,)))
    crashed = pod(waiting("CrashLoopBackOff", probes=(READY,)))
    assert follow(crashed, before, known) == known
    again = pod(starting(since=200.0))
    assert follow(again, crashed, known)["main", KIND].ok is None
    assert again.containers[0].state is ContainerState.RUNNING


def test_a_failure_that_only_an_event_told_is_over_when_nothing_follows():
    told = {("main", KIND): result(False, ProbeSource.EVENT, at=100.0)}
    serves, fails = pod(container(probes=(READY,))), pod(starting())
    assert faded(serves, told, 101.0) == []
    assert faded(serves, told, 104.0) == [("main", ProbeResult(KIND, True, 1, 104.0, ProbeSource.STATUS))]
    assert merge(told["main", KIND], faded(serves, told, 104.0)[0][1]).ok is True
    assert faded(fails, told, 104.0) == []
    assert faded(serves, {("main", KIND): result(False)}, 104.0) == []
