"""Stacks that are right: where things go, what a target changes, what only the cluster can know."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.adapters.stackfiles import find_stack, find_stacks, load_stack
from console.adapters.stackfiles.extract import FOLDER, files
from console.model.drills.judging import DrillSource
from console.model.errors import UsageError
from console.model.plan import ObjectRef
from console.model.stack import ProbeLoad
from tests.adapters.stackfiles.conftest import STACK, WEB, Shop

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("name", "target"),
    [("todo", "sandbox"), ("todo", "local"), ("todo", "production"), ("hello", "sandbox"), ("hello", "local")],
)
def test_our_own_stacks_are_right_on_every_target(name: str, target: str) -> None:
    stack = load_stack(ROOT / "stacks" / name / "stack.yaml", target)
    assert [each.message for each in stack.warnings] == (
        ["ingress/todo: Secret 'todo-tls' is not part of this stack; the cluster must have it"]
        if target == "production"
        else []
    )
    assert all(service.manifests and service.build for service in stack.services)
    assert {each.ref.namespace for each in stack.manifests} <= {"", stack.namespace}


def test_a_target_has_its_own_namespace_values_patches_and_objects() -> None:
    stack = load_stack(ROOT / "stacks" / "todo" / "stack.yaml", "production")
    objects = {(each.ref.kind, each.ref.name): each for each in stack.manifests}
    assert stack.namespace == "todo-prod"
    assert stack.target.protected
    assert ("Namespace", "todo-prod") in objects
    assert objects["ConfigMap", "backend"].body["data"]["LOG_LEVEL"] == "warning"
    assert objects["ConfigMap", "backend"].body["data"]["POOL_MAX_SIZE"] == "8"
    scaler = objects["HorizontalPodAutoscaler", "backend"].body["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (3, 20)
    assert scaler["scaleTargetRef"]["name"] == "backend", "what a patch leaves out stays"
    assert objects["Ingress", "todo"].body["spec"]["rules"][0]["host"] == "todo.example.com"
    assert objects["ResourceQuota", "todo"].service == ""


def test_objects_know_their_service_place_and_namespace(shop: Shop) -> None:
    stack = shop.load()
    assert [each.ref for each in stack.manifests] == [
        ObjectRef("v1", "ConfigMap", "shop", "web"),
        ObjectRef("v1", "Service", "shop", "web"),
        ObjectRef("apps/v1", "Deployment", "shop", "web"),
    ]
    assert [str(each.place) for each in stack.manifests] == [
        "k8s/web.yaml:1:1",
        "k8s/web.yaml:6:1",
        "k8s/web.yaml:13:1",
    ]
    assert {each.service for each in stack.manifests} == {"web"}
    [external] = stack.externals
    assert (external.secret, external.key, external.provision) == ("postgres", "DATABASE_URL", "embedded")


def test_a_workload_that_no_service_names_is_a_service(shop: Shop) -> None:
    """So any folder of manifests is a stack with a five-line file."""
    shop.write(
        "stack.yaml",
        "apiVersion: stack-console/v1\nname: shop\nnamespace: shop\n"
        "manifests: [k8s]\ntargets: {sandbox: {kind: sandbox}}\n",
    )
    shop.edit("k8s/web.yaml", "image: shop-web", "image: nginx:alpine")
    stack = shop.load()
    assert [(each.name, [one.ref.kind for one in each.manifests]) for each in stack.services] == [
        ("web", ["Deployment"])
    ]
    assert [each.ref.kind for each in stack.shared] == ["ConfigMap", "Service"]


def test_what_the_cluster_may_hold_is_a_warning(shop: Shop) -> None:
    shop.edit("k8s/web.yaml", "secretKeyRef: {name: postgres, key", "secretKeyRef: {name: other, key")
    shop.edit("k8s/web.yaml", "    spec:\n", "    spec:\n      serviceAccountName: robot\n")
    shop.write(
        "k8s/web.yaml",
        (shop.folder / "k8s/web.yaml").read_text()
        + "---\napiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\n",
    )
    told = [str(each) for each in shop.load().warnings]
    assert any("Secret 'other' is not part of this stack; the cluster must have it" in each for each in told)
    assert any("ServiceAccount 'robot' is not part of this stack" in each for each in told)
    assert any("example.com/v1 Widget is not one of Kubernetes' own kinds" in each for each in told)


POD_NEEDS = """\
      imagePullSecrets: [{name: pull}]
      priorityClassName: high
      volumes:
        - {name: pull, persistentVolumeClaim: {claimName: disk}}
        - {name: all, projected: {sources: [{secret: {name: token}}, {configMap: {name: wbe}}]}}
      containers:
"""


def test_everything_that_objects_need_is_told_where_they_name_it(shop: Shop) -> None:
    shop.edit("k8s/web.yaml", "      containers:\n", POD_NEEDS)
    shop.write("k8s/web.yaml", (shop.folder / "k8s/web.yaml").read_text() + INGRESS)
    told = {(each.line, each.column, each.message.split(": ")[1].split(" is not")[0]) for each in shop.load().warnings}
    assert told == {
        (21, 33, "Secret 'pull'"),
        (22, 26, "PriorityClass 'high'"),
        (24, 59, "PersistentVolumeClaim 'disk'"),
        (25, 61, "Secret 'token'"),
        (25, 89, "ConfigMap 'wbe'"),
        (40, 26, "IngressClass 'fast'"),
        (40, 51, "Secret 'cert'"),
    }


INGRESS = """\
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {ingressClassName: fast, tls: [{secretName: cert}]}
"""


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("autoscaling.k8s.io/v1", "VerticalPodAutoscaler"),
        ("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy"),
        ("serving.knative.dev/v1", "Service"),
        ("resource.k8s.io/v1beta1", "ResourceClaim"),
    ],
)
def test_kinds_of_others_are_not_taken_for_kubernetes_own(shop: Shop, version: str, kind: str) -> None:
    """Not even when their names or groups look alike: their shape is nobody's business here."""
    body = f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: other}}\nspec: {{selector: [1], ports: x}}\n"
    shop.write("k8s/web.yaml", f"{WEB}---\n{body}")
    [warning] = shop.load().warnings
    assert warning.message.startswith(f"{version} {kind} is not one of Kubernetes' own kinds")


def test_names_are_looked_up_in_the_namespace_of_who_asks(shop: Shop) -> None:
    other = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: other}\ndata: {X: x}\n"
    shop.write("k8s/web.yaml", other.removeprefix("---\n") + "---\n" + WEB)
    assert shop.load().warnings == ()


def test_cluster_wide_objects_get_no_namespace(shop: Shop) -> None:
    body = "---\napiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {name: vm}\nhandler: vm\n"
    shop.write("k8s/web.yaml", WEB + body)
    found = shop.load().manifests[-1]
    assert found.ref == ObjectRef("node.k8s.io/v1", "RuntimeClass", "", "vm")
    assert "namespace" not in found.body["metadata"]


def test_a_time_of_day_is_text_as_for_kubernetes(shop: Shop) -> None:
    shop.edit("k8s/web.yaml", "LOG_LEVEL: info", "LOG_LEVEL: 12:30")
    assert shop.load().services[0].manifests[0].body["data"] == {"LOG_LEVEL": "12:30"}


def test_the_folder_of_the_stack_holds_manifests_and_its_own_files(shop: Shop) -> None:
    """`manifests: [.]` makes a stack of any folder of manifests that lies there today."""
    shop.edit("stack.yaml", "manifests: [k8s/web.yaml]", "manifests: [.]")
    shop.write("stack.local.yaml", "targets: {mine: {kind: sandbox}}\n")
    shop.write(".github/workflows/test.yaml", "on: push\n")
    assert [each.ref.kind for each in shop.load("sandbox").manifests] == ["ConfigMap", "Service", "Deployment"]


def test_optional_references_need_nothing(shop: Shop) -> None:
    shop.edit("k8s/web.yaml", "{name: web, key: LOG_LEVEL}", "{name: web, key: OTHER, optional: true}")
    assert shop.load().warnings == ()


def test_a_patch_must_mean_an_object_and_fit_it(shop: Shop) -> None:
    shop.edit("stack.yaml", "{kind: sandbox,", "{kind: sandbox, patches: [patch.yaml],")
    head = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %s}\n"
    shop.write("patch.yaml", head % "wbe")
    assert "patch.yaml:3:18: the patch means deployment/wbe" in str(shop.problems()[0])
    shop.write("patch.yaml", head % "web" + "spec: {replcas: 3}\n")
    assert "patch.yaml:4:8: deployment/web: unknown field 'replcas' in spec; did you mean 'replicas'?" in str(
        shop.problems()[0]
    )


def test_patches_merge_lists_by_their_keys(shop: Shop) -> None:
    shop.edit("stack.yaml", "{kind: sandbox,", "{kind: sandbox, patches: [patch.yaml],")
    shop.write(
        "patch.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 3\n  template:\n    spec:\n"
        "      containers:\n        - name: web\n          readinessProbe: null\n          env:\n"
        "            - {name: LOG_LEVEL, $patch: delete}\n            - {name: EXTRA, value: x}\n",
    )
    spec = shop.load().services[0].manifests[2].body["spec"]
    [container] = spec["template"]["spec"]["containers"]
    assert spec["replicas"] == 3
    assert container["image"] == "shop-web"
    assert "readinessProbe" not in container
    assert [each["name"] for each in container["env"]] == ["DATABASE_URL", "EXTRA"]


DIRECTIVES = """\
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
        - name: web
          readinessProbe: {$patch: delete}
          env: [{$patch: replace}, {name: ONLY, value: x}]
---
kind: Service
metadata: {name: web}
$patch: delete
"""


def test_a_patch_takes_away_objects_fields_and_whole_lists(shop: Shop) -> None:
    shop.edit("stack.yaml", "{kind: sandbox,", "{kind: sandbox, patches: [patch.yaml],")
    shop.write("patch.yaml", DIRECTIVES)
    config, deployment = shop.load().manifests
    assert (config.ref.kind, deployment.ref.kind) == ("ConfigMap", "Deployment")
    [container] = deployment.body["spec"]["template"]["spec"]["containers"]
    assert "readinessProbe" not in container
    assert container["env"] == [{"name": "ONLY", "value": "x"}]
    shop.write("patch.yaml", DIRECTIVES.replace("$patch: delete\n", "$patch: remove\n"))
    assert str(shop.problems()[0]).startswith("patch.yaml:13:9: this does not say what the patch does; found 'remove'")


def test_what_a_patch_brings_is_told_in_the_patch(shop: Shop) -> None:
    shop.edit("stack.yaml", "{kind: sandbox,", "{kind: sandbox, patches: [patch.yaml],")
    shop.write("patch.yaml", "kind: Service\nmetadata: {name: web}\nspec:\n  ports: [{port: 80, targetPort: htp}]\n")
    [problem] = shop.problems()
    assert str(problem).startswith("patch.yaml:4:34: service/web: no container that it selects has a port named 'htp'")


def test_values_of_a_target_must_mean_a_key(shop: Shop) -> None:
    shop.edit("stack.yaml", "{kind: sandbox,", "{kind: sandbox, config: {web: {LOG_LEVLE: x}, api: {}},")
    told = [str(each) for each in shop.problems()]
    assert told[0].startswith("stack.yaml:13:43: no key 'LOG_LEVLE' in configmap/web; did you mean 'LOG_LEVEL'?")
    assert told[1].startswith("stack.yaml:13:58: 'api' has no ConfigMap in this stack")


def test_personal_targets_lie_beside_the_file(shop: Shop) -> None:
    shop.write("stack.local.yaml", "default_target: mine\ntargets: {mine: {kind: kubernetes, context: kind-mine}}\n")
    assert shop.load().target.context == "kind-mine"
    assert shop.load("sandbox").target.kind == "sandbox"
    shop.write("stack.local.yaml", "default_target: mien\ntargets: {mine: {kind: sandbox}}\n")
    assert "stack.local.yaml:1:17: the default target 'mien' is none of the targets" in str(shop.problems()[0])
    shop.write("stack.local.yaml", "targets: {mine: {kind: kubernetes}}\n")
    assert "stack.local.yaml:1:11: targets.mine lacks the key 'context'" in str(shop.problems()[0])


def test_a_target_is_never_guessed(shop: Shop) -> None:
    with pytest.raises(UsageError, match="no target 'sandbx'") as raised:
        shop.load("sandbx")
    assert "did you mean 'sandbox'?" in raised.value.hint
    shop.edit("stack.yaml", "targets:\n", "targets:\n  other: {kind: sandbox}\n")
    with pytest.raises(UsageError, match="which target of shop is meant"):
        shop.load()


def test_a_stack_is_found_by_path_and_by_name(shop: Shop) -> None:
    (shop.folder / "stacks/one").mkdir(parents=True)
    (shop.folder / "stacks/two/deep").mkdir(parents=True)
    one, two = shop.folder / "stacks/one/stack.yaml", shop.folder / "stacks/two/stack.yaml"
    one.write_text(STACK)
    two.write_text(STACK)
    inside = shop.folder / "stacks/two/deep"
    assert find_stacks(inside) == (one, two)
    assert find_stack("one", inside) == one
    assert find_stack("..", inside) == two
    assert find_stack(str(one), inside) == one
    assert find_stack(None, shop.folder / "stacks/two") == two
    with pytest.raises(UsageError) as raised:
        find_stack("on", inside)
    assert "did you mean 'one'?" in raised.value.hint
    with pytest.raises(UsageError, match="which stack is meant"):
        find_stack(None, inside)
    for strange in ("x" * 5000, "~nobody-of-that-name/stack", "no\0name"):
        with pytest.raises(UsageError, match="there is no stack"):
            find_stack(strange, inside)


def test_the_schemas_in_the_tree_are_current() -> None:
    for name, content in files().items():
        assert (FOLDER / name).read_bytes() == content, f"{name} is out of date: make schema"


def test_where_requests_go_that_measure_the_stack_can_be_said(shop: Shop) -> None:
    assert shop.load().probe_load == ProbeLoad("", "", 20.0)
    shop.edit("stack.yaml", "externals:", "probe_load: {service: web, path: /ready?deep=1, rate: 50}\nexternals:")
    assert shop.load().probe_load == ProbeLoad("web", "/ready?deep=1", 50.0)


def test_drills_say_what_is_expected_of_them_in_seconds(shop):
    assert shop.load().drills == ()
    more = "options: {key: MODE}, expect: {recover_within: 30s, failed_requests: 0}, limit: 3m"
    told = f"{{kind: config-key-lost, service: web, suites: [release], on_protected: [sandbox], {more}}}"
    shop.edit("stack.yaml", "externals:", f"drills: [{told}, {{kind: delete-pod, service: web}}]\nexternals:")
    first, second = shop.load().drills
    options = (("key", "MODE"),)
    assert first == DrillSource("config-key-lost", "web", options, ("release",), 30.0, 0, 180.0, ("sandbox",))
    assert second == DrillSource("delete-pod", "web")
