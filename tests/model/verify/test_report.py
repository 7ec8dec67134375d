"""The report as data: what counts as done, and what is worse than before."""

import msgspec
import pytest

from console.model.load import Failure, Load
from console.model.outcome import Outcome
from console.model.verify.catalogue import CATALOGUE, CONFIG, DEPLOY_TIME, RESTART, SCALE, SECRETS
from console.model.verify.check import SHOWN, Finding, Result
from console.model.verify.disturbed import (
    Change,
    Ending,
    Sessions,
    judge_config,
    judge_pooling,
    judge_restart,
    judge_scale,
    judge_shutdown,
)
from console.model.verify.report import AcceptanceReport, regressions

GOOD = Load("http://web/", 20.0, seconds=10.0, requests=200, p50=0.01, p95=0.02, p99=0.03)
BAD = Load("http://web/", 20.0, seconds=10.0, requests=200, failed=3, failures=(Failure("503", "web-1", 3),))
NONE = Load("", 20.0, problem="not measured: not allowed to get services/proxy")


def report(*findings, **more):
    return AcceptanceReport("r1", "shop", "test", "", 1, 0.0, 1.0, findings, **more)


def test_every_check_has_a_name_of_its_own_and_those_that_disturb_come_last():
    assert len({check.id for check in CATALOGUE}) == len(CATALOGUE)
    assert [check.disturbs for check in CATALOGUE] == sorted(check.disturbs for check in CATALOGUE)


def test_what_was_not_made_never_counts_as_passed():
    passed, missing = SECRETS.at_most(0, 0), SCALE.not_made("no service is named")
    assert report(passed, missing).outcome is Outcome.DONE
    assert report(missing).outcome is Outcome.VERIFY
    assert report(passed, missing).headline == "shop on test: 1 passed, 0 failed, 1 not made"


@pytest.mark.parametrize("more", [{"regressions": ("worse",)}, {"left": ("not put back",)}])
def test_a_regression_and_what_was_not_put_back_fail_the_report(more):
    assert report(SECRETS.at_most(0, 0), **more).outcome is Outcome.VERIFY


def test_a_finding_outlasts_the_journal():
    finding = DEPLOY_TIME.at_most(12.3456, 300, ("run 1", "web: 3 s"))
    assert msgspec.json.decode(msgspec.json.encode(finding), type=Finding) == finding
    assert finding.measured == "12.35 of 300 s"


def test_of_much_evidence_the_start_is_kept_and_how_much_more_there_was():
    finding = SECRETS.none_wrong((f"place {index}" for index in range(100)), "looked at 1000 places")
    assert finding.figure == 100
    assert finding.evidence[-1] == f"and {101 - SHOWN} more"


@pytest.mark.parametrize(
    ("now", "worse"),
    [(10.0, False), (12.4, False), (13.0, True), (60.0, True)],
)
def test_a_time_is_worse_beyond_the_margin(now, worse):
    before = {DEPLOY_TIME.id: DEPLOY_TIME.at_most(10.0, 300)}
    assert bool(regressions([DEPLOY_TIME.at_most(now, 300)], before, 0.25, disturbed=False)) is worse


def test_a_short_time_may_differ_by_chance_and_a_count_may_not():
    assert not regressions([CONFIG.at_most(1.9, 60)], {CONFIG.id: CONFIG.at_most(0.5, 60)}, 0.25, disturbed=True)
    now, before = SCALE.at_most(1, 5), {SCALE.id: SCALE.at_most(0, 5)}
    assert regressions([now], before, 0.25, disturbed=True)


def test_what_passed_before_must_pass_and_what_was_not_asked_for_is_not_missed():
    before = {RESTART.id: RESTART.at_most(0, 0)}
    now = RESTART.not_made("it disturbs the stack")
    assert regressions([now], before, 0.25, disturbed=True) == ("restart: not made, and passed before",)
    assert not regressions([now], before, 0.25, disturbed=False)


def test_scaling_fails_with_a_request_and_is_not_made_without_any():
    assert judge_scale([Change("to 4", 3.0, GOOD), Change("to 1", 3.0, GOOD)]).result is Result.PASSED
    failed = judge_scale([Change("to 4", 3.0, GOOD), Change("to 1", 3.0, BAD)])
    assert (failed.result, failed.figure) == (Result.FAILED, 3)
    assert "3 failed: 503, by web-1" in failed.evidence
    assert judge_scale([Change("to 4", 3.0, NONE)]).reason == NONE.problem
    assert judge_scale([Change("to 4", 3.0, GOOD, "web-1 does not get ready")]).result is Result.FAILED


def test_restarts_fail_with_a_record_lost_or_when_they_do_not_end_well():
    changes = [Change("web restarted", 3.0, BAD)]
    assert judge_restart(5, [("web restarted", 0)], changes).result is Result.PASSED
    lost = judge_restart(5, [("web restarted", 2), ("everything restarted", 5)], changes)
    assert (lost.result, lost.figure) == (Result.FAILED, 5)
    assert judge_restart(5, [("web restarted", 0)], [Change("web", 3.0, problem="stuck")]).result is Result.FAILED


def test_an_edit_is_judged_by_its_seconds_and_not_made_where_nobody_knows_them():
    change = Change("configmap/web MOOD changed", 4.0)
    assert judge_config(3.0, 60.0, change, "").result is Result.PASSED
    assert judge_config(61.0, 60.0, change, "").result is Result.FAILED
    unknown = judge_config(None, 60.0, change, "no right to exec")
    assert (unknown.result, unknown.reason) == (Result.NOT_MADE, "no right to exec")
    assert judge_config(None, 60.0, Change("edit", 1.0, problem="refused"), "").result is Result.FAILED


def ending(**more):
    return Ending(
        **{"service": "web", "pod": "web-1", "grace": 30.0, "seconds": 2.0, "codes": (("web", 0),), "load": GOOD} | more
    )


@pytest.mark.parametrize(
    ("more", "result", "words"),
    [
        ({}, Result.PASSED, ""),
        ({"codes": (("web", 137),)}, Result.FAILED, "web-1 web ended with 137: it was killed; it had 30 s"),
        ({"codes": (("web", 143),)}, Result.FAILED, "web-1 web ended with 143: it does not heed SIGTERM; it had 30 s"),
        ({"seconds": None}, Result.FAILED, "web-1 was not gone long after its grace period of 30 s"),
        ({"load": BAD}, Result.FAILED, "web-1: 3 failed: 503, by web-1"),
        ({"load": BAD, "alone": True}, Result.PASSED, ""),
        ({"codes": ()}, Result.NOT_MADE, ""),
    ],
)
def test_a_pod_that_ends_is_judged_by_code_time_and_requests(more, result, words):
    finding = judge_shutdown([ending(**more)])
    assert finding.result is result
    assert not words or finding.evidence[0] == words


@pytest.mark.parametrize(
    ("during", "result"),
    [
        ([Sessions(8, 101), Sessions(8, 102)], Result.PASSED),
        ([Sessions(17, 101), Sessions(9, 102)], Result.FAILED),
        ([Sessions(3, 101), Sessions(2, 300)], Result.FAILED),
    ],
)
def test_connections_stay_within_the_pools_and_are_not_made_for_each_request(during, result):
    assert judge_pooling(Sessions(4, 100), during, 2, 8, 0, GOOD).result is result
