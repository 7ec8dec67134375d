"""Edits of ConfigMaps and Secrets: to the pods that read them, with proof and seconds, and back if they are bad."""

import base64
import json
import sys
from dataclasses import replace

import pytest
import yaml

from console.adapters.kubernetes.client import KubernetesCluster
from console.adapters.kubernetes.connection import open_transport
from console.engine.configured import read_configuration
from console.engine.operate import gather_operation, plan_operation
from console.engine.releases import read_releases
from console.model.configuration import Way
from console.model.editing import ThreeWay
from console.model.errors import EditConflictError, NotFoundError, UsageError
from console.model.operations import Configure, RollBack
from console.model.outcome import Outcome
from console.model.plan import ObjectRef
from console.model.stack import LOOK_ANNOTATION
from tests.engine.bench import Bench
from tests.people import person
from tests.stacks import config_map, make_service, make_stack, together
from tests.workloads import POD_IP

SERVER = """
import http.server, os, pathlib
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        file = os.environ.get("FILE")
        mode = pathlib.Path(file).read_text() if file else os.environ["MODE"]
        self.send_response(503 if mode == "broken" else 200)
        self.end_headers()
        self.wfile.write(mode.encode())
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer((os.environ["POD_IP"], 8000), Handler).serve_forever()
"""
FROM_ENVIRONMENT = {"env": [POD_IP], "envFrom": [{"configMapRef": {"name": "web"}}]}
MOUNT = {"name": "etc", "mountPath": "/etc/web"}
FROM_FILE = {"env": [POD_IP, {"name": "FILE", "value": "/etc/web/MODE"}], "volumeMounts": [MOUNT]}
FROM_PART = {
    "env": [POD_IP, {"name": "FILE", "value": "/etc/mode"}],
    "volumeMounts": [{"name": "etc", "mountPath": "/etc/mode", "subPath": "MODE"}],
}
LOGIN = {"env": [POD_IP, {"name": "MODE", "valueFrom": {"secretKeyRef": {"name": "login", "key": "TOKEN"}}}]}


def server(name="web", replicas=2, **container):
    """A service that answers with the mode that it reads."""
    probe = {"httpGet": {"path": "/", "port": 8000}, "periodSeconds": 1, "failureThreshold": 1}
    main = {"name": "main", "image": "busybox", "command": ["python", "-c", SERVER], "readinessProbe": probe}
    volumes = [{"name": "etc", "configMap": {"name": "web"}}] if "volumeMounts" in container else []
    spec = {"containers": [main | container], "volumes": volumes, "terminationGracePeriodSeconds": 1}
    template = {"metadata": {"labels": {"app": name}}, "spec": spec}
    selector = {"matchLabels": {"app": name}}
    strategy = {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}}
    return yaml.safe_dump(
        body | {"spec": {"replicas": replicas, "selector": selector, "template": template, "strategy": strategy}}
    )


def secret(**values):
    data = {key: encoded(value) for key, value in values.items()}
    return yaml.safe_dump({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "data": data})


def encoded(value):
    return base64.b64encode(value.encode()).decode()


@pytest.fixture
async def bench(outside, tasks, tmp_path):
    return Bench(outside, tasks, tmp_path / "runs")


@pytest.fixture
def ref(namespace):
    return ObjectRef("v1", "ConfigMap", namespace, "web")


async def deployed(bench, namespace, container, *more, **data):
    text = together(server(**container), config_map("web", **({"MODE": "fine"} | data)), *more)
    bench.observe(make_stack([make_service("web", text, namespace)], namespace=namespace))
    assert (await bench.deploy()).outcome is Outcome.DONE


def uids(cluster):
    return {pod["metadata"]["uid"] for pod in cluster.list("pods") if "deletionTimestamp" not in pod["metadata"]}


def course(bench, step="effective"):
    return bench.store.view().run.steps[step]


async def test_pods_that_read_it_as_environment_are_made_anew_and_report_it(bench, cluster, namespace, ref):
    await deployed(bench, namespace, FROM_ENVIRONMENT, OTHER="stays")
    before = uids(cluster)
    verdict = await bench.operate(Configure(ref, {"MODE": "better, with = and\nlines"}))
    assert verdict.outcome is Outcome.DONE, verdict
    assert "2 of 2 pods report it (2 by environment)" in course(bench).detail
    assert 0 < verdict.effective <= verdict.seconds < 60
    assert f"effective in {verdict.effective:.1f} s" in verdict.headline
    assert not before & uids(cluster)
    assert cluster.get("configmaps", "web")["data"] == {"MODE": "better, with = and\nlines", "OTHER": "stays"}


async def test_pods_that_read_it_as_a_file_stay_and_report_it(bench, cluster, namespace, ref):
    await deployed(bench, namespace, FROM_FILE)
    before = uids(cluster)
    verdict = await bench.operate(Configure(ref, {"MODE": "better"}))
    assert verdict.outcome is Outcome.DONE, verdict
    assert "2 of 2 pods report it (2 by file)" in course(bench).detail
    assert uids(cluster) == before
    assert "effective" in dict(verdict.phases)


async def test_a_file_that_never_changes_takes_new_pods_and_so_does_the_way_back(bench, cluster, namespace, ref):
    await deployed(bench, namespace, FROM_PART)
    before = uids(cluster)
    assert (await bench.operate(Configure(ref, {"MODE": "better"}))).outcome is Outcome.DONE
    assert "2 of 2 pods report it (2 by file)" in course(bench).detail
    after = uids(cluster)
    assert not before & after
    assert (await bench.operate(RollBack(1))).outcome is Outcome.DONE
    assert not after & uids(cluster)


async def test_a_bad_value_goes_back_and_the_old_pods_served_all_the_while(bench, cluster, namespace, ref):
    await deployed(bench, namespace, FROM_ENVIRONMENT)
    before, least = uids(cluster), []
    await bench.store.wait_until(lambda view: sum(pod.ready for pod in view.pods.values()) == 2)

    def available(fact):
        ready = [pod for pod in bench.store.view().pods.values() if pod.uid in before and pod.ready]
        least.append(len(ready))

    bench.store.subscribe(available)
    verdict = await bench.operate(Configure(ref, {"MODE": "broken"}), rollback=True, timeout=3.0)
    assert verdict.outcome is Outcome.ROLLOUT
    assert "rolled back to release 1" in verdict.headline
    assert verdict.evidence
    assert min(least) == 2
    assert cluster.get("configmaps", "web")["data"] == {"MODE": "fine"}
    cluster.until_pods(lambda pods: {pod["metadata"]["uid"] for pod in pods} == before)
    assert verdict.effective is None


async def test_a_bad_file_is_found_out_by_the_probes_and_goes_back(bench, cluster, namespace, ref):
    await deployed(bench, namespace, FROM_FILE)
    before = uids(cluster)
    verdict = await bench.operate(Configure(ref, {"MODE": "broken"}), rollback=True)
    assert verdict.outcome is Outcome.ROLLOUT
    assert "since it has taken up configmap/web" in verdict.headline
    assert "rolled back to release 1" in verdict.headline
    assert verdict.evidence
    assert uids(cluster) == before
    assert cluster.get("configmaps", "web")["data"] == {"MODE": "fine"}
    assert all(pod.ready for pod in bench.store.view().pods.values())


async def test_a_key_that_somebody_else_changed_meanwhile_is_not_overwritten(bench, cluster, namespace, ref):
    await deployed(bench, namespace, FROM_FILE, OTHER="ours")
    (found,) = await read_configuration(bench.stack, bench.world, "web")
    cluster.patch("configmaps", "web", {"data": {"MODE": "theirs"}})
    with pytest.raises(EditConflictError) as caught:
        await bench.operate(Configure(ref, {"MODE": "mine"}, found.live))
    assert caught.value.ways == (ThreeWay("MODE", "fine", "theirs", "mine"),)
    assert cluster.get("configmaps", "web")["data"]["MODE"] == "theirs"


async def test_a_change_between_plan_and_run_makes_the_plan_stale(bench, cluster, namespace, ref):
    await deployed(bench, namespace, FROM_FILE)
    edit = Configure(ref, {"MODE": "mine"}, {"MODE": "fine"})
    gathered = await gather_operation(bench.stack, bench.world, edit)
    cluster.patch("configmaps", "web", {"data": {"MODE": "theirs"}})
    verdict = await bench.run((plan_operation(gathered, edit, bench.world), gathered), drift="keep")
    assert verdict.outcome is Outcome.APPLY
    assert "data.MODE" in verdict.headline
    assert cluster.get("configmaps", "web")["data"]["MODE"] == "theirs"


async def test_other_keys_that_somebody_else_changed_stay_theirs_there_and_back(bench, cluster, namespace, ref):
    await deployed(bench, namespace, FROM_FILE, OTHER="ours")
    (found,) = await read_configuration(bench.stack, bench.world, "web")
    cluster.patch("configmaps", "web", {"data": {"OTHER": "theirs", "NEW": "theirs"}})
    theirs = {"OTHER": "theirs", "NEW": "theirs"}
    verdict = await bench.operate(Configure(ref, {"MODE": "broken"}, found.live), rollback=True)
    assert verdict.outcome is Outcome.ROLLOUT
    assert cluster.get("configmaps", "web")["data"] == {"MODE": "fine", **theirs}
    assert (await bench.operate(Configure(ref, {"MODE": "mine"}, found.live))).outcome is Outcome.DONE
    assert cluster.get("configmaps", "web")["data"] == {"MODE": "mine", **theirs}


async def test_what_somebody_else_changed_can_be_taken_back(bench, cluster, namespace, ref):
    await deployed(bench, namespace, FROM_FILE)
    cluster.patch("configmaps", "web", {"data": {"MODE": "theirs"}})
    (found,) = await read_configuration(bench.stack, bench.world, "web")
    assert (found.drift, [each.key for each in found.foreign]) == (("MODE",), ["MODE"])
    verdict = await bench.operate(Configure(ref, {"MODE": "fine"}, found.live))
    assert verdict.outcome is Outcome.DONE, verdict
    assert "2 by file" in course(bench).detail
    assert cluster.get("configmaps", "web")["data"] == {"MODE": "fine"}


async def test_a_value_of_a_secret_is_nowhere(bench, cluster, namespace, tmp_path):
    await deployed(bench, namespace, LOGIN, secret(TOKEN="first-and-secret", OTHER="other-secret"))
    value = "a-new-and-very-secret-one"
    edit = Configure(ObjectRef("v1", "Secret", namespace, "login"), {"TOKEN": encoded(value)})
    verdict = await bench.operate(edit, rollback=True)
    assert verdict.outcome is Outcome.DONE, verdict
    assert "2 of 2 pods report it (2 by environment)" in course(bench).detail
    assert cluster.get("secrets", "login")["data"]["TOKEN"] == encoded(value)
    told = [repr(bench.facts), repr(verdict), repr(edit), repr(bench.store.view())]
    told += [file.read_text() for file in (tmp_path / "runs").rglob("*") if file.is_file()]
    told += [file.read_bytes().decode(errors="replace") for file in tmp_path.glob("journal*")]
    assert not [text for text in told if value in text or encoded(value) in text]


async def test_where_an_image_has_no_programs_new_pods_are_known_by_their_start(bench, cluster, namespace, ref):
    bare = {"command": [sys.executable, "-c", SERVER], "env": [POD_IP, {"name": "PATH", "value": "/nowhere"}]}
    await deployed(bench, namespace, FROM_ENVIRONMENT | bare)
    verdict = await bench.operate(Configure(ref, {"MODE": "better"}))
    assert verdict.outcome is Outcome.DONE, verdict
    assert "2 of 2 pods started since (main " in course(bench).detail


async def operate_as(bench, kubeconfig, operation, **options):
    """Carries out an operation as somebody else."""
    client = KubernetesCluster(await open_transport([kubeconfig], "olga"), "olga")
    bench.world = replace(bench.world, cluster=client)
    bench.declare(bench.stack)
    try:
        verdict = await bench.operate(operation, **options)
    finally:
        await client.close()
    assert verdict.outcome is Outcome.DONE, verdict
    return verdict


async def test_without_the_right_to_exec_new_pods_are_known_by_their_start(bench, cluster, namespace, ref, tmp_path):
    await deployed(bench, namespace, FROM_ENVIRONMENT)
    await operate_as(bench, person(cluster, tmp_path, "olga", "reader", "operator"), Configure(ref, {"MODE": "better"}))
    words = f"2 of 2 pods started since (not allowed to get and create pods/exec in {namespace})"
    assert words in course(bench).detail


async def test_without_the_right_to_exec_nobody_can_say_about_files(bench, cluster, namespace, ref, tmp_path):
    await deployed(bench, namespace, FROM_FILE)
    kubeconfig = person(cluster, tmp_path, "olga", "reader", "operator")
    verdict = await operate_as(bench, kubeconfig, Configure(ref, {"MODE": "better"}))
    assert verdict.effective is None
    assert any("of 2 of 2 pods nobody can say" in warning for warning in verdict.warnings)


async def test_the_role_for_proofs_is_all_it_takes(bench, cluster, namespace, ref, tmp_path):
    await deployed(bench, namespace, FROM_FILE)
    kubeconfig = person(cluster, tmp_path, "olga", "reader", "operator", "proof")
    await operate_as(bench, kubeconfig, Configure(ref, {"MODE": "better"}))
    assert "2 of 2 pods report it (2 by file)" in course(bench).detail
    annotations = [pod["metadata"]["annotations"] for pod in cluster.list("pods")]
    assert all(LOOK_ANNOTATION in each for each in annotations)


class Overwritten(KubernetesCluster):
    """A cluster where somebody else writes behind us, before any pod is asked."""

    async def exec(self, namespace, pod, container, command, **limits):
        """Asks once the file is the other one's."""
        ref, ask = ObjectRef("v1", "ConfigMap", namespace, "web"), super().exec
        await self.patch(ref, "merge", {"data": {"MODE": "theirs"}})
        while (result := await ask(namespace, pod, container, command)).stdout != b"theirs":
            pass
        return result

    def patient(self, patience):
        """It is as patient as it is."""
        return self


async def test_pods_that_do_not_report_it_in_time_are_named(bench, cluster, namespace, ref, near_client):
    await deployed(bench, namespace, FROM_FILE)
    bench.world = replace(bench.world, cluster=Overwritten(near_client._transport, "sandbox"))
    bench.declare(bench.stack)
    verdict = await bench.operate(Configure(ref, {"MODE": "better"}), timeout=1.0)
    assert verdict.outcome is Outcome.ROLLOUT
    assert "configmap/web is not effective after 1 s: web-" in verdict.headline
    assert "(MODE)" in verdict.headline


async def test_a_stack_tells_who_reads_what(bench, cluster, namespace, near_client):
    container = {**FROM_FILE, "envFrom": [{"secretRef": {"name": "login", "optional": True}}]}
    await deployed(bench, namespace, container, secret(TOKEN="first-and-secret"), UNUSED="x")
    found = await read_configuration(bench.stack, bench.world, "web")
    config, login = sorted(found, key=lambda each: each.ref)
    assert [(each.key, each.way, each.name) for each in config.readings] == [
        ("MODE", Way.FILE, "/etc/web/MODE"),
        ("UNUSED", Way.FILE, "/etc/web/UNUSED"),
    ]
    assert [(each.key, each.way) for each in login.readings] == [("TOKEN", Way.ENVIRONMENT)]
    assert "secret" not in repr(login.live).replace(encoded("first-and-secret"), "")
    assert [each.ref.name for each in await read_configuration(bench.stack, bench.world, "secret/login")] == ["login"]
    with pytest.raises(NotFoundError, match="no configmap/other"):
        await read_configuration(bench.stack, bench.world, "configmap/other")
    with pytest.raises(UsageError, match="no service 'wbe'"):
        await read_configuration(bench.stack, bench.world, "wbe")
    newest = (await read_releases(near_client, "todo", namespace))[0]
    assert "first-and-secret" not in json.dumps(newest.about)


async def test_an_odd_value_and_a_key_that_nobody_reads_are_warned_of(bench, namespace, ref):
    await deployed(bench, namespace, {"env": [POD_IP, {"name": "MODE", "value": "x"}]}, PORT="80")
    edit = Configure(ref, {"PORT": "eighty"})
    plan = plan_operation(await gather_operation(bench.stack, bench.world, edit), edit, bench.world)
    assert "configmap/web PORT has always been a number, and is none now" in plan.warnings
    assert "configmap/web PORT: no container of the stack reads it" in plan.warnings
    assert [step.id for step in plan.steps] == ["preflight", "config", "wait:web", "effective", "record"]
    verdict = await bench.operate(edit)
    assert verdict.outcome is Outcome.DONE
    assert course(bench).detail == "no pod that runs has to take it up"
