"""What live objects alone tell: each fault is found by its check, and by no other."""

import copy

import pytest

from console.model.verify.check import Result
from console.model.verify.declared import judge_declared

PROBE = {"httpGet": {"path": "/", "port": 8000}}
GOOD = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
        "template": {
            "spec": {
                "terminationGracePeriodSeconds": 30,
                "containers": [
                    {
                        "name": "web",
                        "image": "127.0.0.1:5000/shop-web:1",
                        "startupProbe": PROBE,
                        "readinessProbe": PROBE,
                        "livenessProbe": PROBE,
                        "resources": {"requests": {"cpu": "10m", "memory": "8Mi"}, "limits": {"memory": "16Mi"}},
                        "securityContext": {"readOnlyRootFilesystem": True},
                        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
                        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                    }
                ],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
            }
        }
    },
}


def found(body, *others, pods=()):
    findings = {each.id: each for each in judge_declared([body, *others], pods, ["database (postgres): answers"])}
    return {name for name, each in findings.items() if each.result is Result.FAILED}, findings


def planted(change):
    body = copy.deepcopy(GOOD)
    spec = body["spec"]["template"]["spec"]
    change(spec, spec["containers"][0])
    return body


def test_a_good_workload_passes_every_check():
    failed, findings = found(GOOD)
    assert not failed
    assert {each.result for each in findings.values()} == {Result.PASSED}


def mount(spec, container, path, **volume):
    spec["volumes"].append({"name": "data", **volume})
    container["volumeMounts"].append({"name": "data", "mountPath": path})


@pytest.mark.parametrize(
    ("change", "check", "words"),
    [
        (lambda spec, each: each.pop("startupProbe"), "probes-declared", "no startup probe"),
        (lambda spec, each: each.pop("readinessProbe"), "probes-declared", "no readiness probe"),
        (lambda spec, each: each.pop("resources"), "resources", "no limit of memory"),
        (lambda spec, each: each["resources"].pop("limits"), "resources", "no limit of memory"),
        (lambda spec, each: each.pop("securityContext"), "stateless", "can be written to"),
        (lambda spec, each: mount(spec, each, "/data", emptyDir={}), "stateless", "/data is on the local disk"),
        (lambda spec, each: mount(spec, each, "/tmpdata", emptyDir={}), "stateless", "/tmpdata"),
        (lambda spec, each: mount(spec, each, "/tmp/x", hostPath={"path": "/srv"}), "stateless", "is a hostPath"),
        (lambda spec, each: spec.update(terminationGracePeriodSeconds=5), "shutdown-declared", "5 s of 5 s"),
        (lambda spec, each: each.update(image="docker.io/library/postgres:17"), "database", "runs the database"),
        (lambda spec, each: each.update(image="postgres@sha256:" + "0" * 64), "database", "runs the database"),
    ],
)
def test_a_fault_is_found_by_its_check_and_by_no_other(change, check, words):
    failed, findings = found(planted(change))
    assert failed == {check}
    assert any(words in line for line in findings[check].evidence)


def test_a_grace_period_of_nothing_is_found_without_a_hook():
    def change(spec, container):
        del container["lifecycle"]
        spec["terminationGracePeriodSeconds"] = 0

    assert found(planted(change))[0] == {"shutdown-declared"}


@pytest.mark.parametrize("image", ["shop/pg-ui:1", "mysqlx-free/app", "shop/oracles:1"])
def test_a_name_that_only_resembles_a_database_is_none(image):
    failed, _ = found(planted(lambda spec, each: each.update(image=image)))
    assert not failed


def test_a_kind_that_is_not_built_in_and_a_mesh_are_found():
    gateway = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "web"}}
    assert found(GOOD, gateway)[0] == {"kinds"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1"}, "spec": {"containers": []}}
    pod["spec"]["initContainers"] = [{"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.27"}]
    assert found(GOOD, pods=[pod])[0] == {"kinds"}


def test_built_in_kinds_of_every_group_are_known():
    versions = ["v1", "batch/v1", "autoscaling/v2", "policy/v1", "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1"]
    others = [{"apiVersion": each, "kind": "Thing", "metadata": {"name": "x"}} for each in versions]
    assert not found(GOOD, *others)[0]


def test_containers_that_initialise_need_no_probes_and_sidecars_do():
    def with_one(**more):
        one = {**copy.deepcopy(GOOD["spec"]["template"]["spec"]["containers"][0]), "name": "one", **more}
        for kind in ("startupProbe", "readinessProbe", "livenessProbe", "lifecycle"):
            del one[kind]
        return planted(lambda spec, each: spec.update(initContainers=[one]))

    assert not found(with_one())[0]
    assert found(with_one(restartPolicy="Always"))[0] == {"probes-declared"}


def test_of_a_stack_without_workloads_probes_and_resources_are_not_made():
    findings = {each.id: each for each in judge_declared([], [], [])}
    assert findings["probes-declared"].result is Result.NOT_MADE
    assert findings["resources"].result is Result.NOT_MADE
