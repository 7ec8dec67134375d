"""Drills on real processes: each failure is brought about, noticed, undone, and everything is as it was."""

import base64
import json
from dataclasses import replace

import pytest
import yaml

from console.engine import drilled
from console.engine import load as load_module
from console.model.diff import clean
from console.model.events import DrillMoment
from console.model.outcome import Outcome
from console.model.stack import ExternalSource
from tests.engine.bench import Bench
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
        "livenessProbe": {**probe, "failureThreshold": 2},
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
    bench.declare(replace(stack, externals=(DATABASE,)))


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
HEALED = ("kill-process", "hang-process", "delete-pods", "delete-pod", "evict")


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
    *("image-missing", "crash-at-start", "never-ready"),
)


@pytest.mark.parametrize("kinds", [BORNE[:3], BORNE[3:6], BORNE[6:]])
async def test_what_stays_until_it_is_undone_harms_no_pod_that_serves(bench, cluster, namespace, kinds):
    await deployed(bench, namespace)
    before = objects(cluster)
    for kind in kinds:
        bench.facts.clear()
        verdict = await bench.drill(kind)
        assert verdict.outcome is Outcome.DONE, (kind, verdict)
        assert {"injected", "undone", "ready", "steady"} <= moments(bench).keys()
        assert verdict.drill.noticed is not None, kind
        assert verdict.drill.failed == 0, kind
        assert objects(cluster) == before, kind
