"""Drills on real processes: each failure is brought about, noticed, undone, and everything is as it was."""

import asyncio
import base64
import json
import time
from dataclasses import replace

import pytest
import yaml

from console.engine import drilled
from console.engine import load as load_module
from console.engine.drills import Drills
from console.engine.ports import UndoRecord
from console.engine.undone import read_open
from console.model.diff import clean
from console.model.drills.catalogue import CATALOGUE
from console.model.drills.ground import NotApplicableError
from console.model.events import DrillMoment
from console.model.operations import Scale
from console.model.outcome import Outcome
from console.model.stack import ExternalSource
from tests.engine.bench import Bench, virtual_deployment
from tests.engine.test_deploy import AUTOSCALER
from tests.stacks import config_map, make_service, make_stack, together

SERVER = """
import http.server, os, signal, sys, threading
if os.environ["MODE"] != "good" or os.environ["DATABASE_URL"] != "postgres://me:secret-of-mine@127.0.0.1:5432/todo":
    sys.exit("wrong configuration")
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer((os.environ["POD_IP"], 8000), Handler)
server.daemon_threads = True
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
"""
URL = "postgres://me:secret-of-mine@127.0.0.1:5432/todo"
DATABASE = ExternalSource("database", "postgres", "database", "DATABASE_URL")
BUDGET = """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}
"""
SECRET = yaml.safe_dump(
    {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "database"},
        "data": {"DATABASE_URL": base64.b64encode(URL.encode()).decode()},
    }
)


@pytest.fixture
async def bench(outside, tasks, tmp_path):
    return Bench(outside, tasks, tmp_path / "runs")


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Less is measured than in earnest."""
    monkeypatch.setattr(load_module, "STEADY", 0.5)
    monkeypatch.setattr(load_module, "AFTER", 0.2)
    monkeypatch.setattr(drilled, "HOLD", 0.3)


def serving(*, replicas=2, **spec):
    """Real pods that answer, and drain before they go."""
    labels = {"app": "web"}
    env = [
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "database", "key": "DATABASE_URL"}}},
    ]
    # Ten times as fast in the sandbox of tests, which has few cores.
    probe = {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 2, "timeoutSeconds": 10}
    container = {
        "name": "main",
        "image": "busybox",
        "command": ["python", "-c", SERVER],
        "env": env,
        "envFrom": [{"configMapRef": {"name": "web"}}],
        "ports": [{"name": "http", "containerPort": 8000}],
        "readinessProbe": probe,
        "livenessProbe": {**probe, "timeoutSeconds": 2, "failureThreshold": 2},
        "lifecycle": {"preStop": {"sleep": {"seconds": 1}}},
    }
    pod = {"containers": [container], "shareProcessNamespace": True, "terminationGracePeriodSeconds": 3, **spec}
    body = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": "http"}]},
    }
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": body}
    return together(config_map("web", MODE="good"), SECRET, *map(yaml.safe_dump, (deployment, service)))


async def deployed(bench, namespace, *more, **spec):
    services = [make_service("web", together(serving(**spec), *more), namespace)]
    stack = make_stack(services, namespace=namespace)
    bench.observe(stack)
    verdict = await bench.deploy()
    assert verdict.outcome is Outcome.DONE, verdict


def objects(cluster):
    """Everything of the stack as it is, but for what the API server keeps for itself, with who owns which fields."""
    kinds = ("configmaps", "secrets", "deployments", "services", "poddisruptionbudgets", "resourcequotas")
    found = {}
    for kind in kinds:
        for body in cluster.list(kind):
            if "release" in body["metadata"]["name"] or body["metadata"]["name"] == "kube-root-ca.crt":
                continue
            owned = [
                (each["manager"], each["operation"], json.dumps(each["fieldsV1"], sort_keys=True))
                for each in body["metadata"]["managedFields"]
                if not each.get("subresource") and each["manager"] == "stack-console"
            ]
            found[kind, body["metadata"]["name"]] = clean(body), owned
    return found


def moments(bench):
    return {fact.moment.name: fact.moment for fact in bench.told(DrillMoment)}


def restarts(cluster):
    """How often containers were started anew, of the pods that are there."""
    return sum(pod["status"]["containerStatuses"][0]["restartCount"] for pod in cluster.list("pods", "app=web"))


RESTARTS = {"kill-process": 1, "hang-process": 2}
HEALED = ("kill-process", "hang-process", "delete-pods", "delete-pod", "evict", "slow-start")


@pytest.mark.soak
async def test_what_the_cluster_heals_is_noticed_and_measured_until_it_is_ready_again(bench, cluster, namespace):
    await deployed(bench, namespace)
    before = objects(cluster)
    for kind in HEALED:
        bench.facts.clear()
        verdict = await bench.drill(kind)
        assert verdict.outcome is Outcome.DONE, (kind, verdict)
        told = moments(bench)
        assert {"injected", "rescheduled", "ready", "undone", "steady"} <= told.keys(), kind
        assert verdict.drill.noticed is not None, kind
        assert 0 <= verdict.drill.noticed.seconds <= told["ready"].seconds <= told["undone"].seconds
        assert objects(cluster) == before, kind
        assert restarts(cluster) == RESTARTS.get(kind, restarts(cluster)), kind


BORNE = (
    *("config-key-lost", "config-value-bad", "secret-wrong", "external-unreachable", "password-refused"),
    *("image-missing", "crash-at-start", "never-ready", "out-of-memory"),
)


@pytest.mark.soak
@pytest.mark.parametrize("kinds", [BORNE[:3], BORNE[3:6], BORNE[6:]])
async def test_what_stays_until_it_is_undone_harms_no_pod_that_serves(bench, cluster, namespace, kinds):
    await deployed(bench, namespace)
    bench.declare(replace(bench.stack, externals=(DATABASE,)))
    before = objects(cluster)
    for kind in kinds:
        bench.facts.clear()
        verdict = await bench.drill(kind)
        assert verdict.outcome is Outcome.DONE, (kind, verdict)
        assert {"injected", "undone", "ready", "steady"} <= moments(bench).keys()
        assert verdict.drill.noticed is not None, kind
        assert verdict.drill.failed == 0, kind
        assert objects(cluster) == before, kind


@pytest.mark.soak
@pytest.mark.parametrize("kinds", [("dependency-gone", "quota-used-up", "evict-budget")])
async def test_what_is_taken_away_is_given_back(bench, cluster, namespace, kinds):
    await deployed(bench, namespace, BUDGET)
    before = objects(cluster)
    for kind in kinds:
        bench.facts.clear()
        verdict = await bench.drill(kind)
        assert verdict.outcome is Outcome.DONE, (kind, verdict)
        assert {"injected", "undone", "ready", "steady"} <= moments(bench).keys()
        assert objects(cluster) == before, kind
    assert "needs 1 healthy pods and has 1" in moments(bench)["noticed by budget"].detail


@pytest.mark.soak
async def test_replicas_that_an_autoscaler_rules_come_back_as_they_were(bench, cluster, namespace):
    await deployed(bench, namespace, AUTOSCALER)
    count = cluster.get("deployments", "web")["spec"]["replicas"]
    before = objects(cluster)
    verdict = await bench.drill("dependency-gone")
    assert verdict.outcome is Outcome.DONE, verdict
    assert cluster.get("deployments", "web")["spec"]["replicas"] == count == 3
    after = objects(cluster)
    assert [clean_ for clean_, _ in after.values()] == [clean_ for clean_, _ in before.values()]


@pytest.mark.soak
async def test_what_is_not_as_expected_fails_with_its_figures(bench, cluster, namespace):
    await deployed(bench, namespace)
    killed_before_it_was_written_down = UndoRecord("old", "old", "todo", "test", {}, 1.0)
    await bench.world.journal.record_undo(killed_before_it_was_written_down)
    verdict = await bench.drill("delete-pods", recover_within=0.001)
    assert await bench.world.journal.undo_records("todo", "test") == []
    assert verdict.outcome is Outcome.DRILL
    assert "expected within 0.0 s" in verdict.headline
    kept = (await bench.world.journal.runs("todo"))[0]
    assert (kept.outcome, kept.drill.problems) == ("drill", verdict.drill.problems)
    again = await bench.drill("delete-pods")
    assert again.outcome is Outcome.DONE, again.headline
    assert again.drill.before == (verdict.drill.recovered,)


async def test_a_drill_that_does_not_heal_in_time_ends_with_everything_as_before(bench, cluster, namespace):
    await deployed(bench, namespace)
    before = objects(cluster)
    verdict = await bench.drill("delete-pods", limit=0.2)
    assert verdict.outcome is Outcome.DRILL
    assert "it was not ready again" in verdict.headline
    assert objects(cluster) == before


async def test_who_cancels_a_drill_gets_everything_back(bench, cluster, namespace):
    await deployed(bench, namespace)
    before = objects(cluster)
    running = asyncio.create_task(bench.drill("image-missing"))
    await bench.store.wait_until(lambda view: "injected" in moments(bench))
    running.cancel()
    verdict = await running
    assert verdict.outcome is Outcome.INTERRUPTED
    assert verdict.headline.endswith("; everything is undone")
    assert objects(cluster) == before
    assert await read_open(bench.stack, bench.world) is None


async def leave_open(bench, kind, **more):
    """A drill whose console dies at its height: nothing of what it would still do is done."""

    class DeadError(Exception):
        pass

    async def dies(*words):
        raise DeadError

    attempt = drilled.DrillAttempt
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attempt, "_recover", dies)
        patch.setattr(attempt, "_undo", dies)
        with pytest.raises(DeadError):
            await bench.drill(kind, **more)


async def test_what_a_dead_console_left_open_stands_in_the_way_until_it_is_undone(bench, cluster, namespace):
    await deployed(bench, namespace)
    before = objects(cluster)
    await leave_open(bench, "crash-at-start")
    assert "stack-console/drill" in cluster.get("deployments", "web")["metadata"]["annotations"]
    scaled = await bench.operate(Scale({"web": 3}))
    assert scaled.outcome is Outcome.LOCKED
    assert "a drill is open: crash-at-start of web" in scaled.headline
    assert "drill undo todo" in scaled.next_step
    assert (await bench.deploy(drift="overwrite")).outcome is Outcome.LOCKED
    assert (await bench.drill("delete-pod")).outcome in {Outcome.LOCKED, Outcome.PREFLIGHT}
    undone = await bench.undo_drill()
    assert (undone.outcome, undone.headline) == (Outcome.DONE, "todo on test: crash-at-start of web undone")
    assert objects(cluster) == before
    assert await bench.world.journal.undo_records("todo", "test") == []
    assert (await bench.operate(Scale({"web": 1}))).outcome is Outcome.DONE


async def test_a_drill_whose_time_is_over_is_ended_by_whoever_comes_next(bench, cluster, namespace):
    await deployed(bench, namespace)
    await leave_open(bench, "config-key-lost", limit=1.0)
    later = replace(bench.world, clock=lambda: time.time() + 5)
    bench.world = later
    bench.declare(bench.stack)
    first = await bench.deploy()
    assert (first.outcome, "it was undone" in first.headline) == (Outcome.APPLY, True)
    assert cluster.get("configmaps", "web")["data"] == {"MODE": "good"}
    assert (await bench.deploy()).outcome is Outcome.DONE


async def test_what_was_changed_by_hand_is_not_drilled(bench, cluster, namespace):
    await deployed(bench, namespace)
    cluster.patch("deployments", "web", {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 9}}}})
    with pytest.raises(NotApplicableError, match="terminationGracePeriodSeconds"):
        await bench.drill("image-missing")


async def test_a_node_is_drained_where_another_one_takes_its_pods(bench, cluster, namespace):
    virtual = make_service("web", virtual_deployment("web", replicas=2), namespace)
    bench.observe(make_stack([virtual], namespace=namespace))
    assert (await bench.deploy()).outcome is Outcome.DONE
    with pytest.raises(NotApplicableError, match="is the only node that takes pods of web"):
        await bench.drill("drain")


async def test_a_stack_that_is_not_well_is_left_alone(bench, cluster, namespace, monkeypatch):
    monkeypatch.setattr(drilled, "STEADY_WITHIN", 0.5)
    await deployed(bench, namespace)
    cluster.patch("deployments", "web", {"spec": {"template": {"spec": {"nodeSelector": {"nowhere": "at-all"}}}}})
    await bench.store.wait_until(lambda view: any(pod.phase == "Pending" for pod in view.pods.values()))
    verdict = await bench.drill("delete-pod")
    assert verdict.outcome is Outcome.PREFLIGHT
    assert "no steady state, nothing was injected" in verdict.headline
    assert len(cluster.list("pods", "app=web")) == 3


async def test_every_drill_is_listed_with_the_reason_why_it_does_not_apply(bench, namespace):
    await deployed(bench, namespace, shareProcessNamespace=False)
    drills = Drills(bench.stack, bench.world, bench.store)
    await drills.look()
    found = {each.source.kind: each.reason for each in await drills.standings()}
    assert found.keys() == CATALOGUE.keys()
    assert "shareProcessNamespace" in found["kill-process"]
    assert found["evict-budget"] == "web has no disruption budget"
    assert found["delete-pod"] == ""
