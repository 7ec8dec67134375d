"""What pods, autoscalers and past runs tell."""

import copy
from dataclasses import replace

from console.model.verify.check import Result
from console.model.verify.observed import (
    PastDeploy,
    judge_autoscalers,
    judge_deploy,
    judge_probes,
    judge_ready,
    unknown_probes,
)
from console.model.workload import (
    Condition,
    Container,
    ContainerState,
    Pod,
    ProbeKind,
    ProbeResult,
    ProbeSource,
    ProbeSpec,
)

SPECS = tuple(ProbeSpec(kind, "GET :8000/", 1.0, 1.0, 3, 1, 0.0) for kind in ProbeKind)
HPA = {
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web"},
    "spec": {"minReplicas": 1, "maxReplicas": 4},
    "status": {
        "currentReplicas": 1,
        "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 3}}}],
        "conditions": [{"type": "AbleToScale", "status": "True"}, {"type": "ScalingActive", "status": "True"}],
    },
}


def container(**more):
    basis = ("web", "web:1", ContainerState.RUNNING, "", "", True, True, 0, 100.0, False, (8000,), SPECS, None, None)
    return replace(Container(*basis), **more)


def pod(name="web-1", ready=103.0, *containers):
    conditions = (Condition("Ready", "True", "", "", ready),)
    basis = ("ReplicaSet", "web", "1", "node", "10.0.0.1", "Running", "", "", 99.0, None, "Always")
    return Pod(f"uid-{name}", "shop", name, "web", *basis, conditions, containers or (container(),), "1")


def results(ok=True, **other):
    known = {kind: other.get(str(kind), ok) for kind in ProbeKind}
    return {
        ("web", kind): ProbeResult(kind, each, 1, 100.0, ProbeSource.METRICS, "503") for kind, each in known.items()
    }


def test_a_deploy_is_judged_by_its_seconds_and_not_made_without_one():
    deploy = PastDeploy("r1", 0.0, 42.0, (("build", 30.0), ("wait", 12.0)))
    finding = judge_deploy(deploy, 300.0, "2026-01-01 00:00:00")
    assert (finding.result, finding.figure) == (Result.PASSED, 42.0)
    assert finding.evidence == ("run r1 at 2026-01-01 00:00:00: build 30 s, wait 12 s",)
    assert judge_deploy(deploy, 40.0, "").result is Result.FAILED
    assert judge_deploy(None, 300.0, "").result is Result.NOT_MADE


def test_the_quickest_pod_of_a_service_tells_how_slow_it_is():
    late = pod("web-2", 400.0)
    assert judge_ready([pod(), late], 5.0).figure == 3.0
    assert judge_ready([late], 5.0).result is Result.FAILED
    again = pod("web-3", 400.0, container(restarts=1))
    assert judge_ready([again], 5.0).result is Result.NOT_MADE


def test_every_probe_of_every_pod_counts():
    one = pod()
    assert judge_probes([one], {one.uid: results()}).result is Result.PASSED
    failed = judge_probes([one], {one.uid: results(liveness=False)})
    assert (failed.figure, failed.evidence[0]) == (1, "web-1 web liveness fails: 503")


def test_a_probe_without_a_result_is_not_passed():
    one = pod()
    assert judge_probes([one], {}).result is Result.NOT_MADE
    assert unknown_probes([one], {one.uid: results(readiness=None)}) == ["web-1 web readiness"]
    unknown = judge_probes([one], {one.uid: results(readiness=None)})
    assert (unknown.result, unknown.reason) == (Result.NOT_MADE, "1 probe gave no result yet")


def test_a_container_that_does_not_run_passes_no_probe():
    one = pod("web-1", 103.0, container(state=ContainerState.WAITING))
    assert judge_probes([one], {one.uid: results()}).figure == 3


def test_an_autoscaler_must_be_active_and_have_figures():
    assert judge_autoscalers([HPA]).result is Result.PASSED
    idle = copy.deepcopy(HPA)
    idle["status"]["conditions"][1] |= {"status": "False", "message": "no metrics"}
    assert judge_autoscalers([HPA, idle]).evidence[0] == "web: ScalingActive is False: no metrics"
    blind = copy.deepcopy(HPA)
    del blind["status"]["currentMetrics"]
    assert judge_autoscalers([blind]).figure == 1
    assert judge_autoscalers([{**HPA, "status": {}}]).result is Result.FAILED
    assert judge_autoscalers([]).result is Result.NOT_MADE
