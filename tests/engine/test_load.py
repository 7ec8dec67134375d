"""Requests to a stack while it changes, to real pods: behind the Ingress, and through the API server."""

import asyncio
from dataclasses import replace

import psutil
import pytest
import yaml

from console.adapters.kubernetes.client import KubernetesCluster
from console.adapters.kubernetes.connection import open_transport
from console.engine import load as load_module
from console.model.errors import UsageError
from console.model.events import LoadMeasured, RunFinished, StepStarted
from console.model.operations import Restart, Scale, Stop
from console.model.outcome import Outcome
from console.model.stack import ProbeLoad
from tests.engine.bench import Bench, virtual_deployment
from tests.people import person
from tests.stacks import make_service, make_stack, together

SERVER = """
import http.server, os, signal, threading
lock, count, every = threading.Lock(), 0, int(os.environ["FAILS"])
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        global count
        with lock:
            count += self.path != "/ready"
            failed = every and self.path != "/ready" and count % every == 0
        self.send_response(500 if failed else 200)
        self.send_header("X-Pod-Name", os.environ["HOSTNAME"])
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer((os.environ["POD_IP"], 8000), Handler)
server.daemon_threads = True
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
"""


DEFAULT = ProbeLoad()


@pytest.fixture
async def bench(outside, tasks, tmp_path):
    return Bench(outside, tasks, tmp_path / "runs")


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Less is measured before and after than in earnest."""
    monkeypatch.setattr(load_module, "STEADY", 1.0)
    monkeypatch.setattr(load_module, "AFTER", 1.5)


def serving(*, fails=0, replicas=2, version="1"):
    """Real pods that answer, and drain before they go; every so many requests `fails`."""
    labels = {"app": "web"}
    env = [
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "FAILS", "value": str(fails)},
        {"name": "VERSION", "value": version},
    ]
    container = {
        "name": "main",
        "image": "busybox",
        "command": ["python", "-c", SERVER],
        "env": env,
        "ports": [{"name": "http", "containerPort": 8000}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1},
        "lifecycle": {"preStop": {"sleep": {"seconds": 1}}},
    }
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": "http"}]},
    }
    return together(yaml.safe_dump(deployment), yaml.safe_dump(service))


def ingress(namespace):
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    path = {"path": f"/{namespace}", "pathType": "Prefix", "backend": backend}
    body = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web"},
        "spec": {"rules": [{"http": {"paths": [path]}}]},
    }
    return yaml.safe_dump(body)


def stack_of(namespace, *texts, probe=DEFAULT, **more):
    stack = make_stack([make_service("web", together(*texts or (serving(**more),)), namespace)], namespace=namespace)
    return replace(stack, probe_load=probe)


def nobody_asks(port):
    """True if this process has no connection to a port."""
    return not any(each.raddr and each.raddr.port == port for each in psutil.Process().net_connections("tcp"))


async def test_a_rolling_change_behind_the_ingress_fails_no_request(bench, namespace, sandbox):
    bench.observe(stack_of(namespace, serving(), ingress(namespace)))
    first = await bench.deploy(probe_load=0)
    assert first.outcome is Outcome.DONE, first
    assert first.load.first_answer > 0
    assert first.load.steady is None
    bench.declare(stack_of(namespace, serving(version="2"), ingress(namespace)))
    verdict = await bench.deploy(probe_load=50)
    assert (verdict.outcome, verdict.load.failed) == (Outcome.DONE, 0), verdict
    address = sandbox.status["ingress"]
    assert verdict.load.target == f"{address.rstrip('/')}/{namespace}"
    assert verdict.load.requests > 80
    assert verdict.load.steady.requests > 20
    assert verdict.load.p50 <= verdict.load.p95 <= verdict.load.p99 < 5
    assert verdict.load.longest_gap < 1
    assert nobody_asks(int(address.rpartition(":")[2].strip("/")))


async def test_without_an_ingress_it_goes_through_the_api_server(bench, namespace):
    bench.observe(stack_of(namespace))
    assert (await bench.deploy()).outcome is Outcome.DONE
    verdict = await bench.operate(Restart(), probe_load=0)
    assert (verdict.outcome, verdict.load.failed) == (Outcome.DONE, 0), verdict
    assert verdict.load.target == "service/web:80/ready through the API server"
    assert verdict.load.rate == 20


async def test_failed_requests_are_told_with_reason_and_pod_and_the_run_stays_as_it_is(bench, cluster, namespace):
    bench.observe(stack_of(namespace, serving(fails=5, replicas=1), ingress(namespace)))
    assert (await bench.deploy()).outcome is Outcome.DONE
    verdict = await bench.operate(Scale({"web": 2}), probe_load=50)
    assert verdict.outcome is Outcome.VERIFY
    load = verdict.load
    assert verdict.headline.startswith("todo on test: web scaled to 2: release 2, but ")
    assert verdict.headline.endswith(f"{load.failed:,} of {load.requests:,} requests failed meanwhile")
    assert load.failed == pytest.approx(load.requests / 5, abs=2)
    assert {each.reason for each in load.failures} == {"500 Internal Server Error"}
    pods = {pod["metadata"]["name"] for pod in cluster.list("pods")}
    assert {each.pod for each in load.failures} <= pods
    assert cluster.get("deployments", "web")["spec"]["replicas"] == 2
    assert verdict.undo.endswith("--to 1")
    (kept, *_) = await bench.world.journal.runs("todo")
    assert (kept.outcome, kept.load) == ("verify", load)


async def test_a_pod_that_is_not_reached_is_known_by_its_address(bench, namespace):
    where = ProbeLoad("web", "/nothing", 50.0)
    bench.observe(stack_of(namespace, probe=where))
    assert (await bench.deploy()).outcome is Outcome.DONE
    # It is ready by its word alone, and listens nowhere.
    deployment, service = yaml.safe_load_all(serving())
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    del container["readinessProbe"]
    container["command"] = ["sleep", "60"]
    bench.declare(stack_of(namespace, yaml.safe_dump_all([deployment, service]), probe=where))
    verdict = await bench.deploy(probe_load=0)
    assert verdict.outcome is Outcome.VERIFY, verdict
    found = [each for each in verdict.load.failures if each.reason == "connection refused"]
    assert found
    assert all(each.pod.startswith("web-") for each in found)


async def test_the_figures_are_told_once_a_second_and_stop_with_the_run(bench, namespace):
    bench.observe(stack_of(namespace))
    assert (await bench.deploy()).outcome is Outcome.DONE
    await bench.operate(Restart(), probe_load=0)
    told = bench.told(LoadMeasured)
    assert told[-1].load.requests == sum(each.second.requests for each in told)
    assert bench.store.view().load == told[-1].load
    assert [each.load.requests for each in told] == sorted(each.load.requests for each in told)
    places = [bench.facts.index(each) for each in (told[0], told[-1], bench.told(RunFinished)[-1])]
    assert places == sorted(places)
    first_change = [each for each in bench.told(StepStarted) if each.step_id.startswith("apply")][-1]
    assert bench.facts.index(told[0]) < bench.facts.index(first_change)
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("load")]


async def test_a_run_that_is_cancelled_sends_no_more_and_keeps_what_was_measured(bench, namespace):
    bench.observe(stack_of(namespace))
    assert (await bench.deploy()).outcome is Outcome.DONE
    running = asyncio.create_task(bench.operate(Restart(), probe_load=0))
    await bench.store.wait_until(lambda view: view.load and view.load.requests)
    running.cancel()
    verdict = await running
    assert verdict.outcome is Outcome.INTERRUPTED
    assert verdict.load.requests > 0
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("load")]


async def test_without_anything_to_ask_nothing_is_changed(bench, cluster, namespace):
    bench.observe(make_stack([make_service("web", virtual_deployment("web"), namespace)], namespace=namespace))
    verdict = await bench.deploy(probe_load=0)
    assert verdict.outcome is UsageError("").outcome
    assert "neither an Ingress nor a Service that answers HTTP" in verdict.headline
    assert cluster.list("deployments") == []


async def test_a_missing_right_is_named_and_nothing_measured_is_no_success(bench, cluster, namespace, tmp_path):
    file = person(cluster, tmp_path, "operator", "reader", "operator")
    (role,) = [each for each in cluster.list("roles") if each["metadata"]["name"].endswith("operator")]
    rules = [each for each in role["rules"] if "services/proxy" not in each["resources"]]
    assert rules != role["rules"]
    cluster.patch("roles", role["metadata"]["name"], {"rules": rules})
    client = KubernetesCluster(await open_transport([file], "operator"), "operator")
    bench.world = replace(bench.world, cluster=client)
    bench.observe(stack_of(namespace))
    try:
        verdict = await bench.deploy(probe_load=0)
        await bench.tasks.close()
    finally:
        await client.close()
    assert verdict.outcome is Outcome.VERIFY
    assert verdict.load.problem == f"not measured: not allowed to get services/proxy in {namespace}"
    assert verdict.headline.endswith(f"release 1, but {verdict.load.problem}")


async def test_a_stop_is_not_measured_and_nothing_to_do_neither(bench, namespace):
    bench.observe(stack_of(namespace))
    await bench.deploy()
    assert (await bench.deploy(probe_load=0)).load is None
    assert (await bench.operate(Stop(), probe_load=0)).load is None
