"""People who may not do everything: a service account with the roles of `k8s/rbac`, and its kubeconfig."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.cluster import Cluster

RBAC = Path(__file__).parents[1] / "k8s" / "rbac"
_GROUP = "rbac.authorization.k8s.io"


def person(cluster: Cluster, folder: Path, name: str, *roles: str) -> Path:
    """A kubeconfig whose context and user have this name, with these roles in the cluster's namespace."""
    cluster.create("serviceaccounts", {"metadata": {"name": name}})
    subject = {"kind": "ServiceAccount", "name": name, "namespace": cluster.namespace}
    for role in roles:
        body = yaml.safe_load((RBAC / f"{role}.yaml").read_text())
        if cluster.find("roles", body["metadata"]["name"]) is None:
            cluster.create("roles", body)
        reference = {"apiGroup": _GROUP, "kind": "Role", "name": body["metadata"]["name"]}
        binding = {"metadata": {"name": f"{name}-{role}"}, "roleRef": reference, "subjects": [subject]}
        cluster.create("rolebindings", binding)
    request = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {"expirationSeconds": 3600}}
    path = cluster.path("serviceaccounts", name) + "/token"
    token = cluster.request("POST", path, request)["status"]["token"]
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    config["contexts"] = [{"name": name, "context": {**config["contexts"][0]["context"], "user": name}}]
    config["users"] = [{"name": name, "user": {"token": token}}]
    config["current-context"] = name
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(config))
    return file
