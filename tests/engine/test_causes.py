"""Every cause provoked for real: the cluster shows it, and within a second the store names it."""

import asyncio
import time
from typing import Any

import pytest

from console.engine.observe import Observer
from console.model.diagnosis import Cause
from console.model.workload import ProbeKind, ProbeSource
from tests.stacks import make_service, make_stack

DEPLOYMENT = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {}}"
WITHIN = 1.0
SERVER = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(os.environ["ANSWER"]))
        self.end_headers()
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer((os.environ["POD_IP"], 8000), Handler).serve_forever()
"""
POD_IP = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}


def web(container: dict[str, Any], replicas: int = 1, **spec: Any) -> dict[str, Any]:
    """The Deployment of the service web, with one container."""
    labels = {"app": "web"}
    deadline = {"progressDeadlineSeconds": spec.pop("deadline", 600)}
    base = {"name": "main", "image": "busybox", "command": ["sleep", "600"]}
    pod = {"containers": [base | container], "terminationGracePeriodSeconds": 1, **spec}
    template = {"metadata": {"labels": labels}, "spec": pod}
    return {
        "metadata": {"name": "web", "labels": {"stack-console/service": "web"}},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **deadline},
    }


def shell(script: str, **more: Any) -> dict[str, Any]:
    return {"command": ["sh", "-c", script], **more}


def serving(answer: int, **probes: Any) -> dict[str, Any]:
    """A real HTTP server in the pod that answers everything with one status."""
    return {"command": ["python", "-c", SERVER], "env": [POD_IP, {"name": "ANSWER", "value": str(answer)}], **probes}


def http(path: str = "/ready", port: int = 8000, **more: Any) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": port}, "periodSeconds": 1, "failureThreshold": 2, **more}


@pytest.fixture
async def observed(outside, cluster, store, tasks):
    Observer(
        outside, store, make_stack([make_service("web", DEPLOYMENT, cluster.namespace)], namespace=cluster.namespace)
    ).start(tasks)
    await store.wait_until(lambda view: view.services[0].state == "absent")
    return store


async def diagnosed(store, cause, *, terminal=None):
    """The diagnosis, once there is one of that cause (and as certain as it is asked for)."""

    def holds(view):
        found = (each for each in view.diagnoses if each.cause is cause)
        return next((each for each in found if terminal is None or each.terminal is terminal), None)

    try:
        async with asyncio.timeout(20):
            return await store.wait_until(holds)
    except TimeoutError:
        view = store.view()
        raise AssertionError(f"{view.diagnoses}\n{view.pods}\n{list(view.events.values())}") from None


@pytest.mark.parametrize(
    ("container", "cause", "evidence"),
    [
        (
            {"envFrom": [{"configMapRef": {"name": "settings"}}]},
            *(Cause.CONFIG_MISSING, 'configmap "settings" not found'),
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "A"}}}]},
            *(Cause.SECRET_MISSING, 'secret "keys" not found'),
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "kube-root-ca.crt", "key": "A"}}}]},
            *(Cause.KEY_MISSING, "couldn't find key A in ConfigMap"),
        ),
        ({"command": ["no-such-program"]}, Cause.COMMAND_NOT_FOUND, "executable file not found in $PATH"),
        ({"command": ["sh", "-c", "no-such-program"]}, Cause.COMMAND_NOT_FOUND, "not found"),
    ],
)
async def test_what_no_waiting_helps_is_terminal_at_once(observed, cluster, container, cause, evidence):
    cluster.create("deployments", web(container))
    found = await diagnosed(observed, cause, terminal=True)
    assert evidence in found.evidence
    assert found.service == "web"
    assert found.subject.startswith("pod/web-")


async def test_an_image_that_the_registry_does_not_have_is_terminal_at_once(observed, cluster, sandbox):
    cluster.create("deployments", web({"image": f"{sandbox.status['registry']}/nope:1"}))
    found = await diagnosed(observed, Cause.IMAGE_MISSING, terminal=True)
    assert "not found" in found.evidence


async def test_an_image_whose_registry_cannot_be_reached_is_waited_for(observed, cluster):
    cluster.create("deployments", web({"image": "registry.invalid/nope:1"}))
    found = await diagnosed(observed, Cause.IMAGE_UNPULLABLE)
    assert not found.terminal
    assert "registry.invalid" in found.evidence


async def test_a_crash_loop_is_terminal_after_the_third_end_and_tells_its_last_words(observed, cluster):
    cluster.create("deployments", web(shell("echo starting; echo MCP_URL is not set >&2; exit 3")))
    first = await diagnosed(observed, Cause.CRASH_LOOP)
    assert not first.terminal
    found = await diagnosed(observed, Cause.CRASH_LOOP, terminal=True)
    assert "exits with code 3, 3 times" in found.summary
    assert observed.view().services[0].state == "failing"


async def test_an_end_that_is_no_failure_is_told_as_well(observed, cluster):
    cluster.create("deployments", web(shell("exit 0")))
    assert "exits with code 0" in (await diagnosed(observed, Cause.CRASH_LOOP)).summary


@pytest.mark.parametrize(
    ("probe", "cause"),
    [
        ("startupProbe", Cause.STARTUP_PROBE),
        ("readinessProbe", Cause.READINESS_PROBE),
        ("livenessProbe", Cause.LIVENESS_PROBE),
    ],
)
async def test_a_probe_that_fails_is_named_with_its_answer(observed, cluster, probe, cause):
    cluster.create("deployments", web(serving(503, **{probe: http(failureThreshold=30, initialDelaySeconds=20)})))
    found = await diagnosed(observed, cause)
    assert "HTTP probe failed with statuscode: 503" in found.evidence
    assert not found.terminal


async def test_every_single_result_is_counted_where_the_kubelet_tells(observed, cluster):
    cluster.create("deployments", web(serving(200, readinessProbe=http())))

    def counted(view):
        results = [result for probes in view.probes.values() for result in probes.values()]
        return next((each for each in results if each.source is ProbeSource.METRICS and each.streak >= 5), None)

    async with asyncio.timeout(20):
        found = await observed.wait_until(counted)
    assert (found.kind, found.ok) == (ProbeKind.READINESS, True)
    assert time.time() - found.at < 2


async def test_a_container_that_its_liveness_probe_ends_again_and_again_is_given_up(observed, cluster):
    cluster.create("deployments", web(serving(500, livenessProbe=http("/live", initialDelaySeconds=20))))
    found = await diagnosed(observed, Cause.LIVENESS_PROBE, terminal=True)
    assert "ended for it" in found.summary
    assert "statuscode: 500" in found.evidence


async def test_a_process_that_does_not_listen_is_told_by_its_port(observed, cluster):
    cluster.create("deployments", web({"readinessProbe": http(port=8123, failureThreshold=30)}))
    found = await diagnosed(observed, Cause.PORT_NOT_LISTENED)
    assert (found.summary.partition(",")[2], found.terminal) == (" but nothing listens on port 8123", False)
    assert "connection refused" in found.evidence


async def test_an_address_that_is_taken_is_told_by_the_last_words(observed, cluster):
    words = "OSError: [Errno 98] Address already in use"
    cluster.create("deployments", web(shell(f"echo '{words}'; exit 1")))
    found = await diagnosed(observed, Cause.CANNOT_BIND, terminal=True)
    assert words in found.evidence


async def test_a_quota_that_is_used_up_is_named(observed, cluster):
    cluster.create("resourcequotas", {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}})
    cluster.create("deployments", web({}, replicas=2))
    found = await diagnosed(observed, Cause.QUOTA, terminal=True)
    assert "exceeded quota: few" in found.evidence


async def test_a_limit_that_is_not_kept_to_is_a_refusal(observed, cluster):
    limit = {"type": "Container", "max": {"memory": "1Mi"}}
    cluster.create("limitranges", {"metadata": {"name": "small"}, "spec": {"limits": [limit]}})
    cluster.create("deployments", web({"resources": {"limits": {"memory": "64Mi"}}}))
    found = await diagnosed(observed, Cause.REFUSED, terminal=True)
    assert "maximum memory usage per Container" in found.evidence


async def test_a_pod_larger_than_every_node_is_not_waited_for(observed, cluster):
    cluster.create("deployments", web({"resources": {"requests": {"cpu": "5000"}}}))
    found = await diagnosed(observed, Cause.UNSCHEDULABLE, terminal=True)
    assert "it asks for 5000 cpu" in found.summary


async def test_a_label_that_no_node_has_is_not_waited_for(observed, cluster):
    cluster.create("deployments", web({}, nodeSelector={"disk": "none-has-it"}))
    found = await diagnosed(observed, Cause.UNSCHEDULABLE, terminal=True)
    assert "didn't match Pod's node affinity/selector" in found.evidence


async def test_a_deadline_that_passes_is_terminal(observed, cluster):
    cluster.create("deployments", web({"readinessProbe": http(failureThreshold=30)}, deadline=2))
    found = await diagnosed(observed, Cause.DEADLINE)
    assert (found.terminal, found.subject) == (True, "deployment/web")
    assert "has timed out progressing" in found.evidence


async def test_a_volume_whose_configuration_is_missing_is_named(observed, cluster):
    volume = {"name": "conf", "configMap": {"name": "nginx"}}
    mount = {"volumeMounts": [{"name": "conf", "mountPath": "/conf"}]}
    cluster.create("deployments", web(mount, volumes=[volume]))
    assert (await diagnosed(observed, Cause.CONFIG_MISSING)).summary == "the ConfigMap nginx is not there"


async def test_a_volume_without_a_key_is_named(observed, cluster):
    cluster.create("configmaps", {"metadata": {"name": "nginx"}, "data": {}})
    volume = {"name": "conf", "configMap": {"name": "nginx", "items": [{"key": "nginx.conf", "path": "nginx.conf"}]}}
    mount = {"volumeMounts": [{"name": "conf", "mountPath": "/conf"}]}
    cluster.create("deployments", web(mount, volumes=[volume]))
    assert (await diagnosed(observed, Cause.KEY_MISSING)).summary == "its ConfigMap has no key nginx.conf"


async def test_memory_beyond_the_limit_is_named(observed, cluster):
    hungry = "data = bytearray(200 * 1024 * 1024); import time; time.sleep(60)"
    limit = {"resources": {"limits": {"memory": "32Mi"}}}
    cluster.create("deployments", web({"command": ["python", "-c", hungry], **limit}))
    found = await diagnosed(observed, Cause.OUT_OF_MEMORY)
    assert found.hints[0] == "raise resources.limits.memory"


async def test_an_init_container_that_fails_is_named(observed, cluster):
    init = {"name": "migrate", "image": "busybox", "command": ["sh", "-c", "echo no schema; exit 4"]}
    cluster.create("deployments", web({}, initContainers=[init]))
    assert "init container migrate exits with code 4" in (await diagnosed(observed, Cause.CRASH_LOOP)).summary


async def test_what_was_wrong_is_forgotten_once_it_is_right(observed, cluster):
    cluster.create("deployments", web({"envFrom": [{"configMapRef": {"name": "settings"}}]}))
    await diagnosed(observed, Cause.CONFIG_MISSING)
    cluster.create("configmaps", {"metadata": {"name": "settings"}, "data": {"A": "1"}})
    async with asyncio.timeout(20):
        view = await observed.wait_until(lambda view: view if view.services[0].state == "ready" else None)
    assert view.diagnoses == ()


async def test_a_cause_is_named_within_a_second_of_the_cluster_knowing_it(observed, cluster):
    named = asyncio.create_task(diagnosed(observed, Cause.CONFIG_MISSING))
    cluster.create("deployments", web({"envFrom": [{"configMapRef": {"name": "settings"}}]}))

    def known() -> float:
        cluster.until_pods(lambda pods: any("CreateContainerConfigError" in str(pod) for pod in pods))
        return time.monotonic()

    since = await asyncio.to_thread(known)
    await named
    assert time.monotonic() - since < WITHIN
