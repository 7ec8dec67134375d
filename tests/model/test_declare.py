"""What the console changes in what is written, and nothing else."""

import base64
import copy

import yaml

from console.model.checksums import UNREADABLE
from console.model.declare import declare, wanted_secrets
from console.model.plan import ObjectRef
from console.model.stack import CHECKSUM_ANNOTATION, SERVICE_LABEL, STACK_LABEL, ExternalSource
from tests.stacks import build_source, config_map, deployment, image_of, make_service, make_stack, manifests, together

KEY = "00" * 32
DATABASE = ExternalSource("database", "postgres", "postgres", "DATABASE_URL")
FROM_SECRET = {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "postgres", "key": "DATABASE_URL"}}}


def _declare(stack, *, images=(), secrets=None, key=KEY, live=None):
    return {
        each.ref.kind + "/" + each.ref.name: each for each in declare(stack, images, secrets or {}, key, live or {})
    }


def _checksum(declared):
    meta = declared["Deployment/web"].body["spec"]["template"]["metadata"]
    return (meta.get("annotations") or {}).get(CHECKSUM_ANNOTATION)


def _base64(text):
    return base64.b64encode(text.encode()).decode()


def test_an_image_is_replaced_by_its_exact_name_in_every_container():
    spec = {
        "initContainers": [{"name": "a", "image": "todo-web:dev"}],
        "containers": [
            {"name": "b", "image": "todo-web"},
            {"name": "c", "image": "todo-web-extra"},
            {"name": "d", "image": "registry:5000/todo-web:1"},
            {"name": "e", "image": "todo-web@sha256:00"},
        ],
    }
    body = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "web"}}
    body["spec"] = {"schedule": "@daily", "jobTemplate": {"spec": {"template": {"spec": spec}}}}
    source = build_source("web")
    stack = make_stack([make_service("web", yaml.safe_dump(body), build=source)])
    declared = _declare(stack, images=[image_of(source)])["CronJob/web"].body
    sent = declared["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    ours = "127.0.0.1:5000/todo-web:abc"
    assert sent["initContainers"][0]["image"] == ours
    kept = ["todo-web-extra", "registry:5000/todo-web:1"]
    assert [each["image"] for each in sent["containers"]] == [ours, *kept, ours]


def test_labels_go_on_the_objects_and_never_on_pod_templates():
    stack = make_stack([make_service("web", deployment("web"))], shared=config_map("all", A="1"))
    declared = _declare(stack)
    assert declared["ConfigMap/all"].body["metadata"]["labels"] == {STACK_LABEL: "todo"}
    body = declared["Deployment/web"].body
    assert body["metadata"]["labels"] == {STACK_LABEL: "todo", SERVICE_LABEL: "web"}
    assert body["spec"]["template"]["metadata"] == {"labels": {"app.kubernetes.io/name": "web"}}


def test_what_was_written_stays_as_it_was():
    stack = make_stack([make_service("web", deployment("web", envFrom=[{"configMapRef": {"name": "web"}}]))])
    before = copy.deepcopy([manifest.body for manifest in stack.manifests])
    _declare(stack)
    assert [manifest.body for manifest in stack.manifests] == before


def test_the_checksum_follows_what_containers_read_as_environment():
    env = [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "web", "key": "A"}}}]

    def checksum(**data):
        text = together(deployment("web", env=env), config_map("web", **data))
        return _checksum(_declare(make_stack([make_service("web", text)])))

    assert checksum(A="1", B="1") == checksum(A="1", B="2")
    assert checksum(A="1") != checksum(A="2")
    assert checksum() != checksum(A="")


def test_the_checksum_is_keyed_and_there_is_none_without_configuration():
    text = together(deployment("web", envFrom=[{"configMapRef": {"name": "web"}}]), config_map("web", A="1"))
    stack = make_stack([make_service("web", text)])
    first, second = _checksum(_declare(stack)), _checksum(_declare(stack, key="11" * 32))
    assert first
    assert first != second
    assert _checksum(_declare(make_stack([make_service("web", deployment("web"))]))) is None


def test_values_come_from_known_secrets_or_from_what_is_live():
    stack = make_stack([make_service("web", deployment("web", env=[FROM_SECRET]))])
    ref = ObjectRef("v1", "Secret", "todo", "postgres")
    live = {ref: {"kind": "Secret", "metadata": {"name": "postgres"}, "data": {"DATABASE_URL": _base64("one")}}}
    held = _checksum(_declare(stack, live=live))
    assert held == _checksum(_declare(stack, secrets={("postgres", "DATABASE_URL"): "one"}))
    assert held != _checksum(_declare(stack, secrets={("postgres", "DATABASE_URL"): "two"}, live=live))


def test_where_configuration_may_not_be_read_the_live_checksum_stays():
    stack = make_stack([make_service("web", deployment("web", env=[FROM_SECRET]))])
    (manifest,) = stack.manifests
    workload = copy.deepcopy(manifest.body)
    workload["spec"]["template"]["metadata"]["annotations"] = {CHECKSUM_ANNOTATION: "before"}
    live = {ObjectRef("v1", "Secret", "todo", "postgres"): UNREADABLE, manifest.ref: workload}
    assert _checksum(_declare(stack, live=live)) == "before"
    assert _checksum(_declare(stack, live={manifest.ref: workload}, key="")) == "before"


AUTOSCALER = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: 2, maxReplicas: 4}
"""


def _owned(manager, operation="Apply"):
    entry = {"manager": manager, "operation": operation, "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    return {"metadata": {"managedFields": [entry]}, "spec": {"replicas": 7}}


def test_replicas_are_left_to_an_autoscaler():
    stack = make_stack([make_service("web", together(deployment("web"), AUTOSCALER))])
    assert "replicas" not in _declare(stack)["Deployment/web"].body["spec"]
    ref = ObjectRef("apps/v1", "Deployment", "todo", "web")
    theirs = _declare(stack, live={ref: _owned("kube-controller-manager", "Update")})
    assert "replicas" not in theirs["Deployment/web"].body["spec"]
    plain = make_stack([make_service("web", deployment("web"))])
    assert _declare(plain)["Deployment/web"].body["spec"]["replicas"] == 2


def test_a_new_workload_begins_with_what_its_autoscaler_would_make_of_it():
    stack = make_stack([make_service("web", together(deployment("web", replicas=1), AUTOSCALER))])
    assert _declare(stack)["Deployment/web"].begins_with == 2
    assert _declare(stack)["HorizontalPodAutoscaler/web"].begins_with is None
    assert _declare(make_stack([make_service("web", deployment("web"))]))["Deployment/web"].begins_with is None


def test_replicas_that_we_still_own_are_sent_as_they_are_or_the_api_would_reset_them():
    stack = make_stack([make_service("web", together(deployment("web"), AUTOSCALER))])
    live = {ObjectRef("apps/v1", "Deployment", "todo", "web"): _owned("stack-console")}
    assert _declare(stack, live=live)["Deployment/web"].body["spec"]["replicas"] == 7


def test_a_secret_is_made_of_the_values_that_this_machine_has():
    optional = {"name": "openai", "key": "KEY", "optional": True}
    env = [FROM_SECRET, {"name": "KEY", "valueFrom": {"secretKeyRef": optional}}]
    stack = make_stack([make_service("web", deployment("web", env=env))], externals=[DATABASE])
    assert [(ref.name, key) for ref, key in wanted_secrets(stack)] == [("openai", "KEY"), ("postgres", "DATABASE_URL")]
    declared = _declare(stack, secrets={("postgres", "DATABASE_URL"): "postgresql://somewhere"})
    assert "Secret/openai" not in declared
    secret = declared["Secret/postgres"]
    assert secret.sensitive
    assert secret.service == ""
    assert secret.body["data"] == {"DATABASE_URL": _base64("postgresql://somewhere")}
    assert secret.body["metadata"]["labels"] == {STACK_LABEL: "todo"}
    both = _declare(stack, secrets={("postgres", "DATABASE_URL"): "x", ("openai", "KEY"): "y"})
    assert "Secret/openai" in both


def test_a_secret_of_a_manifest_is_not_made_again():
    shared = "{apiVersion: v1, kind: Secret, metadata: {name: postgres}, stringData: {DATABASE_URL: ''}}"
    stack = make_stack([make_service("web", deployment("web", env=[FROM_SECRET]))], shared=shared)
    declared = _declare(stack, secrets={("postgres", "DATABASE_URL"): "x"})
    assert declared["Secret/postgres"].body["stringData"] == {"DATABASE_URL": ""}


KEYLESS = "{apiVersion: v1, kind: Secret, metadata: {name: postgres, labels: {mine: yes}}, type: Opaque}"


def test_a_secret_that_is_declared_without_keys_gets_those_that_are_read():
    stack = make_stack([make_service("web", together(deployment("web", env=[FROM_SECRET]), KEYLESS))])
    assert [(ref.name, key) for ref, key in wanted_secrets(stack)] == [("postgres", "DATABASE_URL")]
    secret = _declare(stack, secrets={("postgres", "DATABASE_URL"): "x"})["Secret/postgres"]
    assert secret.service == "web"
    assert secret.body["data"] == {"DATABASE_URL": _base64("x")}
    assert secret.body["metadata"]["labels"]["mine"]
    meta = {"name": "postgres", "labels": {STACK_LABEL: "todo"}}
    live = {secret.ref: {"kind": "Secret", "metadata": meta, "data": {"DATABASE_URL": _base64("theirs")}}}
    assert _declare(stack, live=live)["Secret/postgres"].body["data"] == {"DATABASE_URL": _base64("theirs")}
    assert "data" not in _declare(stack)["Secret/postgres"].body


def test_keys_of_our_secret_that_only_another_machine_knows_stay():
    other = {"name": "OTHER", "valueFrom": {"secretKeyRef": {"name": "postgres", "key": "OTHER"}}}
    stack = make_stack([make_service("web", deployment("web", env=[FROM_SECRET, other]))])
    meta = {"name": "postgres", "labels": {STACK_LABEL: "todo"}}
    data = {"DATABASE_URL": _base64("old"), "OTHER": _base64("theirs"), "UNUSED": _base64("gone")}
    live = {ObjectRef("v1", "Secret", "todo", "postgres"): {"kind": "Secret", "metadata": meta, "data": data}}
    declared = _declare(stack, secrets={("postgres", "DATABASE_URL"): "new"}, live=live)
    assert declared["Secret/postgres"].body["data"] == {"DATABASE_URL": _base64("new"), "OTHER": _base64("theirs")}


def test_shared_objects_come_first_then_services_and_policies_before_pods():
    shared = together(config_map("all"), "{apiVersion: v1, kind: Namespace, metadata: {name: todo}}")
    policy = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: web}, spec: {}}"
    services = [
        make_service("web", together(AUTOSCALER, deployment("web"), policy)),
        make_service("db", config_map("db")),
    ]
    order = [(each.service, each.ref.kind) for each in declare(make_stack(services, shared=shared), [], {}, KEY, {})]
    assert order == [
        ("", "Namespace"),
        ("", "ConfigMap"),
        ("web", "NetworkPolicy"),
        ("web", "Deployment"),
        ("web", "HorizontalPodAutoscaler"),
        ("db", "ConfigMap"),
    ]
    assert manifests(policy)[0].ref.namespace == "todo"
