"""Samples of requests become figures: rates, failures by reason and pod, quantiles, the longest gap between answers."""

import random

import pytest

from console.model.events import LoadMeasured, RunStarted
from console.model.load import SECONDS_KEPT, Failure, Load, LoadSecond, Sample, Spread, Steady, Tally, load_words
from console.model.plan import Plan
from console.model.reduce import reduce_run


def tally():
    return Tally("http://127.0.0.1:80/", 10.0, begun=100.0)


def answer(counted, count, *, begin=100.0, step=0.1, took=0.01):
    for index in range(count):
        counted.add(Sample(begin + step * (index + 1), took))


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_quantiles_are_right_to_a_few_percent_in_a_fixed_memory(share):
    chance = random.Random(7)
    values = sorted(chance.lognormvariate(-4, 1.2) for _ in range(20_000))
    spread = Spread()
    for value in values:
        spread.add(value)
    assert spread.quantile(share) == pytest.approx(values[int(share * len(values)) - 1], rel=0.03)
    assert len(spread._buckets) < 301


def test_quantiles_of_nothing_are_not_known():
    assert Spread().quantile(0.5) is None


def test_requests_are_counted_with_their_rate_and_times():
    counted = tally()
    answer(counted, 100)
    load = counted.load(110.1)
    assert (load.requests, load.failed, load.failures, load.ok) == (100, 0, (), True)
    assert load.achieved == pytest.approx(10, rel=0.01)
    assert load.p50 == pytest.approx(0.01, rel=0.03)
    assert load.longest_gap == pytest.approx(0.1)
    assert load_words(load)[0].startswith(
        "10.0 requests/s, none of 100 failed, p50 10 ms, p95 10 ms, p99 10 ms; to http"
    )


def test_failures_are_counted_by_reason_and_pod_the_most_frequent_first():
    counted = tally()
    answer(counted, 1)
    for pod in ("web-1", "web-2", "web-2"):
        counted.add(Sample(101.0, 0.1, "503 Service Unavailable", pod))
    counted.add(Sample(102.0, 0.1, "timeout"))
    load = counted.load(102.0)
    assert (load.requests, load.failed, load.ok) == (5, 4, False)
    assert load.failures[0] == Failure("503 Service Unavailable", "web-2", 2)
    assert "2 failed: 503 Service Unavailable, by web-2" in load_words(load)
    assert "1 failed: timeout" in load_words(load)


def test_however_many_reasons_there_are_the_memory_is_bounded():
    counted = tally()
    answer(counted, 1)
    for index in range(1000):
        counted.add(Sample(101.0, 0.1, f"reason {index}"))
    load = counted.load(102.0)
    assert load.failed == 1000
    assert len(load.failures) == 51
    assert load.failures[0] == Failure("other reasons", "", 950)


def test_what_is_not_up_yet_cannot_fail_and_when_it_answered_is_told():
    counted = tally()
    for index in range(20):
        counted.add(Sample(100 + index, 0.1, "connection refused"))
    answer(counted, 10, begin=120.0)
    # It was sent while nothing answered, and ended later.
    counted.add(Sample(121.0, 5.0, "timeout"))
    load = counted.load(121.0)
    assert (load.requests, load.failed, load.unanswered) == (10, 0, 21)
    assert load.first_answer == pytest.approx(20.1)
    assert "the first answer came after 20 s; what failed before is not counted" in load_words(load)


def test_without_any_answer_everything_counts():
    counted = tally()
    for index in range(20):
        counted.add(Sample(100 + index, 0.1, "connection refused"))
    load = counted.load(120.0)
    assert (load.requests, load.failed, load.ok, load.longest_gap) == (20, 20, False, 20.0)
    assert load.p99 is None
    assert load_words(load)[0].startswith("none of 20 requests was answered; to http")


def test_nothing_measured_is_not_fine():
    assert not tally().load(120.0).ok
    assert not Load("x", 20.0, problem="no right").ok
    assert load_words(Load("x", 20.0, problem="no right"))[0].startswith("no right")


def test_the_longest_time_without_an_answer_goes_on_until_now():
    counted = tally()
    answer(counted, 10)
    counted.add(Sample(104.0, 0.1, "timeout"))
    assert counted.load(104.0).longest_gap == 3.0
    answer(counted, 1, begin=104.0)
    assert counted.load(104.2).longest_gap == 3.1


def test_how_it_was_before_the_first_change_is_kept():
    counted = tally()
    answer(counted, 10, took=0.005)
    counted.changes_begin()
    answer(counted, 10, begin=101.0, took=0.5)
    load = counted.load(102.0)
    assert load.steady == Steady(10, 0, pytest.approx(0.005, rel=0.03))
    assert "before the change p95 was" in load_words(load)[-1]


def test_before_a_first_deploy_there_is_no_before():
    counted = tally()
    counted.changes_begin()
    assert counted.load(100.0).steady is None


def test_each_second_has_its_own_figures():
    counted = tally()
    answer(counted, 20, step=0.01, took=0.01)
    counted.add(Sample(100.5, 1.0, "timeout"))
    assert counted.second(5.0) == LoadSecond(5.0, 21, 1, 0.01)
    assert counted.second(6.0) == LoadSecond(6.0, 0, 0, None)


def test_a_run_keeps_its_last_seconds_and_no_more():
    plan = Plan("deploy", "todo", "test", "todo", "context", protected=False, steps=())
    run = reduce_run(None, RunStarted("run-1", "deploy", plan, "", 0.0))
    for index in range(SECONDS_KEPT + 10):
        second = LoadSecond(float(index), 20, 0, 0.01)
        run = reduce_run(run, LoadMeasured("run-1", Load("x", 20.0, requests=index), second, float(index)))
    assert len(run.load_seconds) == SECONDS_KEPT
    assert run.load.requests == SECONDS_KEPT + 9
    assert run.load_seconds[-1].at == SECONDS_KEPT + 9
