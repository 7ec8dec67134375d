"""Who reads a ConfigMap or Secret, key by key: variables, files, files that never change, and nobody."""

import pytest

from console.model.configuration import Way, configuration_of, plain_value, readings
from console.model.plan import ObjectRef
from tests.stacks import manifests

WEB = ObjectRef("v1", "ConfigMap", "todo", "web")
LOGIN = ObjectRef("v1", "Secret", "todo", "login")
KEYS = {WEB: ["MODE", "app.conf", "1st"], LOGIN: ["TOKEN", "MODE"]}


def deployment(containers, volumes="[]", init="[]"):
    text = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, labels: {{stack-console/service: web}}}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    spec: {{containers: {containers}, volumes: {volumes}, initContainers: {init}}}
"""
    return manifests(text)[0].body


def read(body, ref=WEB, keys=KEYS):
    return [(each.key, each.way, each.name) for each in readings([body], ref, keys)]


FROM_MAP = "envFrom: [{configMapRef: {name: web}, prefix: 'APP_'}]"
MODE = "{name: RUN_MODE, valueFrom: {configMapKeyRef: {name: web, key: MODE}}}"


def test_variables_are_named_as_the_container_has_them():
    body = deployment(f"[{{name: main, {FROM_MAP}, env: [{MODE}]}}]")
    assert read(body) == [
        ("MODE", Way.ENVIRONMENT, "APP_MODE"),
        ("app.conf", Way.ENVIRONMENT, "APP_app.conf"),
        ("1st", Way.ENVIRONMENT, "APP_1st"),
        ("MODE", Way.ENVIRONMENT, "RUN_MODE"),
    ]


def test_a_key_that_begins_with_a_digit_becomes_no_variable():
    body = deployment("[{name: main, envFrom: [{configMapRef: {name: web}}]}]")
    assert [key for key, *_ in read(body)] == ["MODE", "app.conf"]


@pytest.mark.parametrize(
    "hiding",
    [
        "envFrom: [{configMapRef: {name: web}}, {secretRef: {name: login}}]",
        "envFrom: [{configMapRef: {name: web}}], env: [{name: MODE, value: fixed}]",
    ],
)
def test_what_another_source_hides_is_not_read(hiding):
    assert read(deployment(f"[{{name: main, {hiding}}}]")) == [("app.conf", Way.ENVIRONMENT, "app.conf")]


MOUNTS = [
    ("{name: etc, mountPath: /etc/web}", Way.FILE, "/etc/web/app.conf"),
    ("{name: etc, mountPath: /etc/web/}", Way.FILE, "/etc/web/app.conf"),
    ("{name: etc, mountPath: /etc/web.conf, subPath: app.conf}", Way.FIXED_FILE, "/etc/web.conf"),
    ("{name: etc, mountPath: /etc/own, subPathExpr: $(POD)}", Way.FIXED_FILE, ""),
]


@pytest.mark.parametrize(("mount", "way", "place"), MOUNTS)
def test_files_stand_where_the_volume_is_mounted(mount, way, place):
    body = deployment(f"[{{name: main, volumeMounts: [{mount}]}}]", "[{name: etc, configMap: {name: web}}]")
    assert ("app.conf", way, place) in read(body)
    assert way.restarts is (way is Way.FIXED_FILE)


def test_a_part_of_a_volume_shows_its_own_files_only():
    volumes = "[{name: etc, configMap: {name: web, items: [{key: MODE, path: a/mode}, {key: app.conf, path: b/conf}]}}]"
    body = deployment("[{name: main, volumeMounts: [{name: etc, mountPath: /etc/a, subPath: a}]}]", volumes)
    assert read(body) == [("MODE", Way.FIXED_FILE, "/etc/a/mode")]


def test_projected_volumes_and_secrets_count():
    sources = "[{configMap: {name: web, items: [{key: MODE, path: mode}]}}, {secret: {name: login}}]"
    volumes = f"[{{name: all, projected: {{sources: {sources}}}}}, {{name: own, secret: {{secretName: login}}}}]"
    mounts = "[{name: all, mountPath: /all}, {name: own, mountPath: /own}]"
    body = deployment(f"[{{name: main, volumeMounts: {mounts}}}]", volumes)
    assert read(body) == [("MODE", Way.FILE, "/all/mode")]
    assert [name for *_, name in read(body, LOGIN)] == ["/all/TOKEN", "/all/MODE", "/own/TOKEN", "/own/MODE"]


def test_containers_that_end_before_the_pod_serves_are_told_from_those_that_stay():
    init = f"[{{name: migrate, env: [{MODE}]}}, {{name: proxy, restartPolicy: Always, env: [{MODE}]}}]"
    found = readings([deployment("[{name: main}]", init=init)], WEB, KEYS)
    assert [(each.container, each.init) for each in found] == [("migrate", True), ("proxy", False)]


def test_another_namespace_has_nothing_to_do_with_it():
    other = ObjectRef("v1", "ConfigMap", "elsewhere", "web")
    assert read(deployment(f"[{{name: main, env: [{MODE}]}}]"), other) == []


def test_what_nobody_reads_and_what_others_changed_is_told():
    reader = deployment(f"[{{name: main, env: [{MODE}]}}]")
    released = manifests("{apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {MODE: a, OLD: b}}")[0].body
    fields = {"f:data": {".": {}, "f:MODE": {}}}
    owners = [{"manager": "stack-console", "fieldsV1": fields}, {"manager": "kubectl-edit", "fieldsV1": fields}]
    meta = {"resourceVersion": "7", "managedFields": owners}
    live = {**released, "metadata": {**released["metadata"], **meta}, "data": {"MODE": "c", "OLD": "b"}}
    found = configuration_of(WEB, live, released, [reader], {})
    assert (found.unused, found.drift, found.version) == (("OLD",), ("MODE",), "7")
    assert [(each.key, each.manager) for each in found.foreign] == [("MODE", "kubectl-edit")]
    assert "'c'" not in repr(found)


def test_a_secret_that_a_whole_object_needs_is_not_called_unused():
    text = (
        "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web}, spec: {tls: [{secretName: login}]}}"
    )
    live = {"kind": "Secret", "metadata": {}, "data": {"tls.key": "eA=="}}
    found = configuration_of(LOGIN, live, None, [manifests(text)[0].body], {})
    assert (found.unused, found.others) == ((), ("ingress/web: TLS certificate",))


def test_values_are_what_containers_get():
    assert plain_value(WEB, "eA==") == b"eA=="
    assert plain_value(LOGIN, "eA==") == b"x"
