"""What an object needs of others is found wherever a manifest can name it."""

import pytest
import yaml

from console.model.references import Use, references

POD = """
initContainers:
- {name: a, envFrom: [{configMapRef: {name: all, optional: true}}]}
containers:
- name: b
  env:
  - {name: X, value: plain}
  - {name: Y, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
  - {name: Z, valueFrom: {secretKeyRef: {name: login, key: password}}}
volumes:
- {name: c, configMap: {name: files, items: [{key: a.json, path: a.json}]}}
- {name: d, secret: {secretName: keys}}
- {name: e, projected: {sources: [{secret: {name: token, optional: true}}, {downwardAPI: {}}]}}
- {name: f, persistentVolumeClaim: {claimName: data}}
- {name: g, emptyDir: {}}
imagePullSecrets: [{name: pull}]
serviceAccountName: robot
priorityClassName: high
"""


def _found(kind, **more):
    body = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "one", "namespace": "todo"}, **more}
    return [(str(each.ref), each.ref.namespace, str(each.use), each.key, each.optional) for each in references(body)]


def test_everything_that_a_pod_names():
    template = {"spec": yaml.safe_load(POD)}
    expected = [
        ("configmap/all", "todo", "environment", "", True),
        ("secret/login", "todo", "environment", "password", False),
        ("configmap/files", "todo", "volume", "a.json", False),
        ("secret/keys", "todo", "volume", "", False),
        ("secret/token", "todo", "volume", "", True),
        ("persistentvolumeclaim/data", "todo", "volume", "", False),
        ("secret/pull", "todo", "image pull", "", False),
        ("serviceaccount/robot", "todo", "account", "", False),
        ("priorityclass/high", "", "class", "", False),
    ]
    assert _found("Deployment", spec={"template": template}) == expected
    assert _found("CronJob", spec={"jobTemplate": {"spec": {"template": template}}}) == expected
    assert _found("Pod", **template) == expected


@pytest.mark.parametrize(
    ("kind", "fields", "needs"),
    [
        (
            "Ingress",
            {"spec": {"ingressClassName": "web", "tls": [{"secretName": "cert"}]}},
            ["ingressclass/web", "secret/cert"],
        ),
        ("PersistentVolumeClaim", {"spec": {"storageClassName": "fast"}}, ["storageclass/fast"]),
        (
            "StatefulSet",
            {"spec": {"volumeClaimTemplates": [{"spec": {"storageClassName": "fast"}}]}},
            ["storageclass/fast"],
        ),
        ("ServiceAccount", {"imagePullSecrets": [{"name": "pull"}]}, ["secret/pull"]),
        ("ConfigMap", {"data": {"A": "1"}}, []),
    ],
)
def test_what_other_kinds_name(kind, fields, needs):
    assert [name for name, *_ in _found(kind, **fields)] == needs


def test_the_account_that_every_namespace_has_is_no_need():
    assert _found("Pod", spec={"serviceAccountName": "default", "containers": []}) == []
    assert Use.ENVIRONMENT == "environment"
