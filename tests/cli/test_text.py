"""Plans, verdicts and the standing of a stack, as lines for people."""

from types import MappingProxyType

import pytest

from console.cli.standing import not_ready, status_lines
from console.cli.style import PLAIN, table
from console.cli.text import as_command, failure_lines, plan_lines, verdict_lines
from console.model.diagnosis import Cause, Diagnosis
from console.model.load import Failure, Load, Steady
from console.model.outcome import Outcome
from console.model.plan import ChangeKind, Check, FieldChange, ObjectChange, ObjectRef, Plan, Step, StepKind
from console.model.run import Verdict
from console.model.state import Freshness, ReleaseInfo, ResourceHealth, ServiceState, ServiceView, View
from console.model.wording import age, pod_state, seconds
from console.model.workload import (
    Container,
    ContainerState,
    External,
    Pod,
    ProbeKind,
    ProbeResult,
    ProbeSource,
    Usage,
)

MAP = ObjectRef("v1", "ConfigMap", "todo", "backend")
CRASH = Diagnosis(
    Cause.CRASH_LOOP,
    "backend",
    "pod/backend-1",
    True,
    "exits with code 1, 4 times",
    "MCP_URL is not set",
    "ConfigMap backend lost the key MCP_URL",
    ("stack-console deploy todo",),
)


def plan(*changes, **more):
    steps = (Step("apply:backend", StepKind.APPLY, "apply backend", "backend", changes=changes),)
    return Plan("deploy", "todo", "sandbox", "todo", "sandbox", False, steps, **more)


def container(state=ContainerState.RUNNING, reason="", *, init=False):
    return Container("app", "image", state, reason, "", False, False, 0, None, init, (), (), None, None)


def pod(*containers, phase="Running", deleting=None, reason=""):
    return Pod(
        "uid-1", "todo", "backend-1", "backend", "", "", "", "node-1", "", phase, reason, "", 40.0, deleting,
        "Always", (), containers, "1",
    )  # fmt: skip


def view(*services, **more):
    return View(1, "todo", "sandbox", "sandbox", "todo", True, services, **more)


def test_a_plan_shows_checks_steps_the_diff_and_a_summary():
    change = ObjectChange(MAP, "backend", ChangeKind.UPDATE, (FieldChange("data.A", ChangeKind.UPDATE, "1", "2"),))
    checks = (Check("cluster", True, "v1.34"), Check("registry", False, "refused", "log in"))
    lines = plan_lines(plan(change, checks=checks, warnings=("no limits",), expected_seconds=4.0), PLAIN)
    assert lines == [
        "deploy todo on sandbox (context sandbox, namespace todo)",
        "  ok      cluster: v1.34",
        "  FAILED  registry: refused",
        "          log in",
        "warning: no limits",
        "",
        "steps:",
        "  apply backend",
        "",
        "changes:",
        "  ~ configmap/backend  update",
        "      data.A: 1 -> 2",
        "",
        "1 to update; about 4.0 s",
    ]


def test_a_value_of_several_lines_stands_below_its_field():
    field = FieldChange("data.A", ChangeKind.CREATE, "", "one\ntwo")
    lines = plan_lines(plan(ObjectChange(MAP, "", ChangeKind.CREATE, (field,))), PLAIN)
    at = lines.index("      data.A:")
    assert lines[at + 1 : at + 3] == ["        + one", "        + two"]


def test_drift_is_shown_apart():
    drift = (FieldChange("spec.replicas", ChangeKind.UPDATE, "5", "2"),)
    lines = plan_lines(plan(ObjectChange(MAP, "", ChangeKind.UPDATE, (), drift)), PLAIN)
    assert "changed by others since the last release:" in lines
    assert "      spec.replicas: 5 -> 2" in lines


def test_an_empty_plan_says_so():
    nothing = Plan("deploy", "todo", "sandbox", "todo", "sandbox", False, ())
    assert plan_lines(nothing, PLAIN)[-1] == "nothing to do: the cluster is as it should be"


def test_a_verdict_says_how_long_each_phase_took_and_where_the_stack_is():
    verdict = Verdict(
        Outcome.DONE, "todo is deployed: release 3", (), 4.2, (("build", 1.25), ("wait", 2.5)), 3, (),
        ("http://127.0.0.1:8080/",), "open it",
    )  # fmt: skip
    assert verdict_lines(verdict, "todo", PLAIN) == [
        "todo is deployed: release 3  (4.2 s)",
        "  build 1.2 s · wait 2.5 s",
        "  http://127.0.0.1:8080/",
        "  next: open it",
    ]


def test_a_verdict_tells_what_became_of_requests():
    steady = Steady(60, 0, 0.008)
    load = Load(
        "http://web/", 20.0, 10.0, 200, 1, (Failure("timeout", "web-1", 1),), 0.004, 0.009, 0.02, 0.4, steady, 0.1
    )
    verdict = Verdict(Outcome.VERIFY, "so", (), 12.0, (), 3, (), (), "", load=load)
    told = [
        "  load: 20.0 requests/s, 1 of 200 failed, p50 4.0 ms, p95 9.0 ms, p99 20 ms; to http://web/ for 10 s",
        "  load: 1 failed: timeout, by web-1",
        "  load: longest time without an answer 400 ms; before the change p95 was 8.0 ms",
    ]
    assert verdict_lines(verdict, "todo", PLAIN)[1:4] == told
    assert failure_lines(verdict, "todo")[2:5] == told


def test_failures_stand_in_one_block_with_cause_evidence_and_what_to_do():
    other = Diagnosis(Cause.QUOTA, "frontend", "pod/frontend", True, "over the quota")
    verdict = Verdict(
        Outcome.ROLLOUT, "2 services failed", (CRASH, other), 9.0, (), None, ("logs of backend-1",), (), "correct it"
    )
    assert failure_lines(verdict, "todo") == [
        "",
        "rollout (exit 14): 2 services failed",
        "  backend: exits with code 1, 4 times [crash-loop]",
        "    evidence: MCP_URL is not set",
        "    changed: ConfigMap backend lost the key MCP_URL",
        "    try: stack-console deploy todo",
        "  frontend: over the quota [quota-exceeded]",
        "  evidence kept: logs of backend-1",
        "  next: correct it",
    ]


def test_keys_of_the_console_are_told_as_commands():
    assert as_command("[l] logs; then: deploy", "todo", "web") == "stack-console logs todo web; then: deploy"
    assert as_command("[D] deploy", "todo", "") == "stack-console deploy todo"


def test_the_standing_shows_services_pods_probes_and_why():
    now = 100.0
    results = {
        ("app", ProbeKind.READINESS): ProbeResult(ProbeKind.READINESS, False, 7, 99.0, ProbeSource.METRICS),
        ("side", ProbeKind.READINESS): ProbeResult(ProbeKind.READINESS, True, 3, 98.0, ProbeSource.METRICS),
        ("app", ProbeKind.STARTUP): ProbeResult(ProbeKind.STARTUP, True, 1, 60.0, ProbeSource.STATUS),
    }
    lines = status_lines(
        view(
            ServiceView("backend", ServiceState.FAILING, 0, 1, (CRASH,)),
            pods=MappingProxyType({"uid-1": pod(container())}),
            probes={"uid-1": results},
            usage={"uid-1": Usage(0.03, 64 * 2**20)},
            externals=(External("database", "postgres", True, "ok", now),),
            diagnoses=(CRASH,),
            release=ReleaseInfo(3, 70.0, "done", "me"),
            health={"events": ResourceHealth(Freshness.DENIED, 1.0, None, "list events in todo")},
        ),
        now,
        PLAIN,
    )
    text = "\n".join(lines)
    assert lines[0].endswith("release 3 (done, 30s ago)")
    assert "backend   0/1    failing" in text
    assert "database         external ok" in text
    row = next(line.split() for line in lines if line.startswith("backend-1"))
    assert row == ["backend-1", "Running", "ok", "40s", "x", "7", "1s", "-", "0", "60s", "0.030", "64Mi"]
    assert "  backend: exits with code 1, 4 times [crash-loop]" in lines
    assert lines[-1] == "events: denied, list events in todo (no activity, causes by status alone)"


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        (pod(container()), "Running"),
        (pod(container(), deleting=90.0), "Terminating"),
        (pod(container(ContainerState.WAITING, "CrashLoopBackOff")), "CrashLoopBackOff"),
        (pod(container(ContainerState.TERMINATED, "OOMKilled")), "OOMKilled"),
        (pod(phase="Failed", reason="Evicted"), "Evicted"),
        (pod(phase="Pending"), "Pending"),
    ],
)
def test_a_pod_has_one_word(seen, word):
    assert pod_state(seen) == word


@pytest.mark.parametrize(
    ("state", "waits"),
    [
        (ServiceState.READY, False),
        (ServiceState.STOPPED, False),
        (ServiceState.EXTERNAL, False),
        (ServiceState.STARTING, True),
        (ServiceState.FAILING, True),
        (ServiceState.ABSENT, True),
        (ServiceState.UNKNOWN, True),
    ],
)
def test_what_is_not_ready_is_named(state, waits):
    assert bool(not_ready(view(ServiceView("backend", state, 0, 1)))) is waits


def test_an_external_that_is_not_reached_is_not_ready():
    assert not_ready(view(externals=(External("database", "postgres", False, "refused", 1.0),))) == {
        "database": "refused"
    }
    assert not not_ready(view(externals=(External("database", "postgres", None, "", None),)))


def test_durations_ages_and_tables():
    assert [seconds(value) for value in (0.04, 9.9, 12, 185, 7500)] == [
        "0.0 s",
        "9.9 s",
        "12 s",
        "3 min 5 s",
        "2 h 5 min",
    ]
    assert [age(value) for value in (5, 119, 120, 3600, 7200, 90000, 172800)] == [
        "5s",
        "119s",
        "2m",
        "1h",
        "2h",
        "1d",
        "2d",
    ]
    assert table(("A", "BB"), [("long", "")]) == ["A     BB", "long"]
