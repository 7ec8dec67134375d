"""A client of a running cluster for tests: plain HTTP, and waiting by watches instead of sleeping."""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
import subprocess
import tempfile
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psutil
import yaml

Object = dict[str, Any]
WAIT = 20.0
"""Seconds after which a test gives up; passing tests wait only as long as they must."""
ANY = "application/json, */*"
_GROUPS = {
    "deployments": "apis/apps/v1",
    "replicasets": "apis/apps/v1",
    "statefulsets": "apis/apps/v1",
    "controllerrevisions": "apis/apps/v1",
    "daemonsets": "apis/apps/v1",
    "jobs": "apis/batch/v1",
    "roles": "apis/rbac.authorization.k8s.io/v1",
    "rolebindings": "apis/rbac.authorization.k8s.io/v1",
    "endpointslices": "apis/discovery.k8s.io/v1",
    "horizontalpodautoscalers": "apis/autoscaling/v2",
    "ingresses": "apis/networking.k8s.io/v1",
    "ingressclasses": "apis/networking.k8s.io/v1",
    "networkpolicies": "apis/networking.k8s.io/v1",
    "leases": "apis/coordination.k8s.io/v1",
    "poddisruptionbudgets": "apis/policy/v1",
}


class Refused(AssertionError):  # noqa: N818 - what happened, not a fault of the test
    """The API server answered with an error."""

    def __init__(self, status: Object) -> None:
        super().__init__(status.get("message"))
        self.status = status


@dataclass
class Cluster:
    """A cluster by its kubeconfig. Paths are made from the resource's plural name, namespace and name."""

    kubeconfig: Path
    namespace: str = "default"
    patience: float = WAIT

    def __post_init__(self) -> None:
        config = yaml.safe_load(self.kubeconfig.read_text())
        context = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], context["cluster"])["cluster"]
        user = _named(config["users"], context["user"])["user"]
        self.server: str = cluster["server"]
        self.token: str = user.get("token", "")
        self._authority = self._part(cluster, "certificate-authority").decode()
        self.tls = ssl.create_default_context(cadata=self._authority)
        if not self.token:
            self._show_certificate(user)

    def _show_certificate(self, user: Object) -> None:
        with tempfile.NamedTemporaryFile() as file:
            file.write(self._part(user, "client-certificate") + b"\n" + self._part(user, "client-key"))
            file.flush()
            self.tls.load_cert_chain(file.name)

    def _part(self, entry: Object, name: str) -> bytes:
        """What a kubeconfig holds itself, or in a file that it names."""
        inside = entry.get(f"{name}-data")
        return b64decode(inside) if inside else (self.kubeconfig.parent / entry[name]).read_bytes()

    @property
    def login(self) -> dict[str, str]:
        """The header that says who asks; empty when the connection's certificate does."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def act_as(self, token: str) -> None:
        """From now on somebody else asks."""
        self.token = token
        self.tls = ssl.create_default_context(cadata=self._authority)

    # -- requests

    def request(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json", accept: str = ANY
    ) -> Any:
        """One request; the decoded answer.

        Raises:
            Refused: the answer is an error.
        """
        with self._answer(method, path, body, content_type, accept=accept) as answer:
            data = answer.read()
        found = json.loads(data) if answer.headers.get_content_type() == "application/json" else data.decode()
        if answer.status >= 400:
            raise Refused(found if isinstance(found, dict) else {"message": found, "code": answer.status})
        return found

    @contextmanager
    def _answer(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        timeout: float = WAIT,
        accept: str = ANY,
    ) -> Iterator[http.client.HTTPResponse]:
        place = urlsplit(self.server)
        connection = http.client.HTTPSConnection(str(place.hostname), place.port, context=self.tls, timeout=timeout)
        headers = {
            "Content-Type": content_type,
            "User-Agent": "tests/1",
            "Accept": accept,
            **self.login,
        }
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            with connection.getresponse() as answer:
                yield answer
        finally:
            connection.close()

    def path(self, resource: str, name: str = "", *, query: Object | None = None) -> str:
        """The path of a kind in this namespace, or of one object; what is the whole cluster's lies outside of it."""
        base = f"/{_GROUPS.get(resource, 'api/v1')}"
        inside = resource not in ("namespaces", "nodes", "ingressclasses")
        path = f"{base}/namespaces/{self.namespace}/{resource}" if inside else f"{base}/{resource}"
        return (f"{path}/{name}" if name else path) + (f"?{urlencode(query)}" if query else "")

    def get(self, resource: str, name: str) -> Object:
        """One object."""
        found: Object = self.request("GET", self.path(resource, name))
        return found

    def find(self, resource: str, name: str) -> Object | None:
        """One object, or None when there is none."""
        try:
            return self.get(resource, name)
        except Refused as error:
            if error.status.get("code") == 404:
                return None
            raise

    def list(self, resource: str, labels: str = "") -> list[Object]:
        """The objects of a kind."""
        query = {"labelSelector": labels} if labels else None
        found: list[Object] = self.request("GET", self.path(resource, query=query))["items"]
        return found

    def create(self, resource: str, obj: Object) -> Object:
        """Creates an object in this namespace."""
        created: Object = self.request("POST", self.path(resource), obj)
        return created

    def patch(self, resource: str, name: str, patch: Object) -> Object:
        """Changes an object by a merge patch."""
        path = self.path(resource, name)
        changed: Object = self.request("PATCH", path, patch, "application/merge-patch+json")
        return changed

    def delete(self, resource: str, name: str, **options: Any) -> None:
        """Deletes an object; `options` are DeleteOptions."""
        self.request("DELETE", self.path(resource, name), options or None)

    def forget(self, namespace: str) -> None:
        """Deletes a namespace, if there is one, without waiting for its end."""
        if self.find("namespaces", namespace):
            self.delete("namespaces", namespace)

    # -- waiting

    def watch(
        self, resource: str, *, name: str = "", labels: str = "", since: str = "", timeout: float | None = None
    ) -> Iterator[Object]:
        """The changes of a kind, after a version or from what exists on; each is `{"type": ..., "object": ...}`.

        Raises:
            Refused: the watch was broken off with an error.
        """
        timeout = timeout or self.patience
        query = {"labelSelector": labels, "fieldSelector": f"metadata.name={name}" if name else ""}
        query = {key: value for key, value in query.items() if value}
        if not since:  # as client-go does: a watch alone must wait until the server's cache is up to date
            listed = self.request("GET", self.path(resource, query=query))
            yield from ({"type": "ADDED", "object": each} for each in listed["items"])
            since = listed["metadata"]["resourceVersion"]
        query |= {"watch": "true", "timeoutSeconds": str(int(timeout) + 1), "resourceVersion": since}
        deadline = time.monotonic() + timeout
        with self._answer("GET", self.path(resource, query=query), timeout=timeout) as answer:
            while line := answer.readline():
                change = json.loads(line)
                if change["type"] == "ERROR":
                    raise Refused(change["object"])
                yield change
                if time.monotonic() > deadline:
                    return

    def until(
        self, resource: str, name: str, true: Callable[[Object], Any], what: str = "", timeout: float | None = None
    ) -> Object:
        """Waits until something is true of an object, and returns it.

        Raises:
            AssertionError: it did not come to pass; the last state is shown.
        """
        last: Object | None = None
        try:
            for change in self.watch(resource, name=name, timeout=timeout):
                last = change["object"]
                if change["type"] != "DELETED" and true(last):
                    return last
        except TimeoutError:
            pass
        raise AssertionError(f"{resource}/{name} did not get to {what or 'where it should'}: {json.dumps(last)}")

    def until_gone(self, resource: str, name: str, timeout: float | None = None) -> None:
        """Waits until an object is gone."""
        found = self.find(resource, name)
        if found is None:
            return
        try:
            since = found["metadata"]["resourceVersion"]
            for change in self.watch(resource, name=name, since=since, timeout=timeout):
                if change["type"] == "DELETED":
                    return
        except TimeoutError:
            pass
        raise AssertionError(f"{resource}/{name} is still there: {json.dumps(self.find(resource, name))}")

    def until_pods(
        self, true: Callable[[list[Object]], Any], labels: str = "", timeout: float | None = None
    ) -> list[Object]:
        """Waits until something is true of the pods of this namespace, and returns them."""
        query = {"labelSelector": labels} if labels else None
        listed = self.request("GET", self.path("pods", query=query))
        pods = {each["metadata"]["name"]: each for each in listed["items"]}
        if true(listed["items"]):
            return list(pods.values())
        try:
            since = listed["metadata"]["resourceVersion"]
            for change in self.watch("pods", labels=labels, since=since, timeout=timeout):
                pods[change["object"]["metadata"]["name"]] = change["object"]
                if change["type"] == "DELETED":
                    del pods[change["object"]["metadata"]["name"]]
                if true(list(pods.values())):
                    return list(pods.values())
        except TimeoutError:
            pass
        raise AssertionError(f"the pods did not get where they should: {json.dumps(list(pods.values()))}")


async def said_goodbye(server: str) -> None:
    """Waits until this process has no connection to an API server: one that a cancelled request had goes last."""
    port = urlsplit(server).port
    async with asyncio.timeout(10):
        while any(each.raddr and each.raddr.port == port for each in psutil.Process().net_connections("tcp")):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def _named(entries: list[Object], name: str) -> Object:
    return next(each for each in entries if each["name"] == name)


def ready(obj: Object) -> bool:
    """The object's condition Ready (a pod's, a node's) is true."""
    return condition(obj, "Ready").get("status") == "True"


def condition(obj: Object, type: str) -> Object:
    """A condition of an object, empty when it has none of this type."""
    found = (obj.get("status") or {}).get("conditions") or ()
    return next((each for each in found if each["type"] == type), {})


def rolled_out(deployment: Object) -> bool:
    """As `kubectl rollout status` has it: everything is of the newest template, and available."""
    status, wanted = deployment.get("status") or {}, deployment["spec"]["replicas"]
    counts = [status.get(each, 0) for each in ("updatedReplicas", "replicas", "availableReplicas")]
    current = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    return bool(current) and counts == [wanted] * 3


def sandbox_command(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs `python -m console.sandbox ...`."""
    import sys

    command = [sys.executable, "-m", "console.sandbox", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done
