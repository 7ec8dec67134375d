"""The cluster as the engine sees it (`ports.Cluster`): objects, rights, watches, logs, figures. Over one transport.

Requests follow kubernetes.io, "Kubernetes API Concepts"; server-side apply carries the field manager `stack-console`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote

import msgspec

from console.adapters.kubernetes import exec as sessions
from console.adapters.kubernetes.failures import Call, decoded
from console.adapters.kubernetes.kinds import Kinds
from console.adapters.kubernetes.logs import read_log
from console.adapters.kubernetes.metrics import PODS_METRICS, parse_probe_counters, usage_of
from console.adapters.kubernetes.pin import Pin
from console.adapters.kubernetes.resources import NODES, PODS, SERVICES, Resource
from console.adapters.kubernetes.transport import Transport
from console.adapters.kubernetes.watch import PAGE, watch
from console.engine.patience import Patience
from console.engine.ports import Allowed, Answer, ExecResult, LogPosition, LogRequest, ProbeCount, Right
from console.model.errors import ConflictError, DeniedError, NotFoundError
from console.model.events import Fact
from console.model.identity import ClusterIdentity
from console.model.plan import ObjectRef
from console.model.stack import FIELD_MANAGER, JSON
from console.model.workload import Usage

_JSON: msgspec.json.Decoder[JSON] = msgspec.json.Decoder(dict[str, Any])
_PATCHES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}


class KubernetesCluster:
    """One pinned context of a kubeconfig. Every method raises the errors of `failures`, UnreachableError among them."""

    def __init__(
        self, transport: Transport, context: str, pin: Pin | None = None, patience: Patience | None = None
    ) -> None:
        self._transport = transport
        self._pin = pin or Pin(ClusterIdentity(context, transport.server))
        self._patience = patience or Patience()
        self._kinds = Kinds(transport)
        self.context = context
        self.server = transport.server
        self.read_only = transport.read_only

    async def close(self) -> None:
        """Closes every connection."""
        await self._transport.close()

    def patient(self, patience: Patience) -> KubernetesCluster:
        """The same cluster; what is asked of its objects outlasts an API server that does not answer."""
        made = KubernetesCluster(self._transport, self.context, self._pin, patience)
        # What discovery has told is known already.
        made._kinds = self._kinds
        return made

    async def version(self) -> str:
        """The API server's version, like `v1.34.2`."""
        answer = await self._json(Call("GET", "/version", "get /version", "the version of the API server"))
        return str(answer.get("gitVersion", ""))

    async def identity(self) -> str:
        """As whom the API server knows us; empty where it cannot say (before 1.28)."""
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        call = Call("POST", path, "create selfsubjectreviews", "a review of ourselves", body=body)
        try:
            answer = await self._json(call)
        except NotFoundError:
            return ""
        return str(answer.get("status", {}).get("userInfo", {}).get("username", ""))

    async def confirm(self) -> ClusterIdentity:
        """Which cluster this is. Raises RefusedError if it is not the one that the context stood for at the start."""
        return await self._pin.confirm(self._uid)

    async def _uid(self) -> str:
        try:
            body = await self.get(ObjectRef("v1", "Namespace", "", "kube-system"))
        except DeniedError:
            return ""
        return str((body or {}).get("metadata", {}).get("uid", ""))

    async def get(self, ref: ObjectRef) -> JSON | None:
        """The object, None if it is not there."""
        try:
            return await self._json(await self._on(ref, "GET", "get"))
        except NotFoundError:
            return None

    async def list(self, api_version: str, kind: str, namespace: str = "", *, labels: str = "") -> list[JSON]:
        """Every object of a kind, read in pages; of all namespaces if `namespace` is empty. `labels` is a selector.

        Items carry their kind and apiVersion, which the API leaves out of lists.
        """
        resource = await self._kinds.find(api_version, kind)
        items: list[JSON] = []
        token = ""
        while True:
            try:
                page = await self._json(_listing(resource, namespace, labels, token))
            except ConflictError:
                if not token:
                    raise
                # 410: the pages of a list that takes minutes are dropped. It is read afresh.
                items, token = [], ""
                continue
            items += [{"apiVersion": api_version, "kind": kind, **item} for item in page.get("items") or ()]
            token = page.get("metadata", {}).get("continue", "")
            if not token:
                return items

    async def apply(
        self, manifest: JSON, *, dry_run: bool = False, force: bool = False, manager: str = FIELD_MANAGER
    ) -> JSON:
        """Server-side apply of a whole manifest (kubernetes.io, "Server-Side Apply").

        Raises:
            FieldConflictError: other managers own some of the fields, and `force` was not given.
        """
        query = (("fieldManager", manager), ("force", "true" if force else "false"))
        call = await self._on(_ref(manifest), "PATCH", "patch", query=query, dry_run=dry_run, body=manifest)
        try:
            return await self._json(replace(call, content_type="application/apply-patch+yaml"))
        except NotFoundError:
            # What is not there is made: its kind is not served, or its namespace is missing.
            await self._kinds.insist(manifest["apiVersion"], manifest["kind"])
            raise

    async def create(self, manifest: JSON, *, dry_run: bool = False) -> JSON:
        """Creates the object. Raises ConflictError if it exists already."""
        ref = _ref(manifest)
        resource = await self._kinds.find(ref.api_version, ref.kind)
        right = _right("create", resource, ref.namespace)
        query = _query((("fieldManager", FIELD_MANAGER),), dry_run)
        return await self._json(Call("POST", resource.path(ref.namespace), right, str(ref), query, manifest))

    async def replace(self, manifest: JSON, *, dry_run: bool = False) -> JSON:
        """Replaces the object of its resourceVersion. Raises ConflictError if that is not the newest."""
        query = (("fieldManager", FIELD_MANAGER),)
        call = await self._on(_ref(manifest), "PUT", "update", query=query, dry_run=dry_run, body=manifest)
        return await self._json(call)

    async def patch(
        self, ref: ObjectRef, type: str, body: object, *, subresource: str = "", dry_run: bool = False
    ) -> JSON:
        """A `json`, `merge` or `strategic` patch of the object or of one of its subresources."""
        query = (("fieldManager", FIELD_MANAGER),)
        call = await self._on(ref, "PATCH", "patch", subresource, query=query, dry_run=dry_run, body=body)
        return await self._json(replace(call, content_type=_PATCHES[type]))

    async def delete(
        self, ref: ObjectRef, *, propagation: str = "Background", uid: str = "", dry_run: bool = False
    ) -> bool:
        """Asks for the object's deletion; False if it was not there. With `uid`, only that very object is deleted.

        Raises:
            ConflictError: an object of that name is there, but with another uid.
        """
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        body = {**options, "preconditions": {"uid": uid}} if uid else options
        try:
            await self._json(await self._on(ref, "DELETE", "delete", dry_run=dry_run, body=body))
        except NotFoundError:
            return False
        return True

    async def evict(self, ref: ObjectRef, uid: str) -> None:
        """Evicts this very pod; see `ports.Cluster.evict`."""
        meta = {"name": ref.name, "namespace": ref.namespace}
        options = {"preconditions": {"uid": uid}}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": meta, "deleteOptions": options}
        right = f"create pods/eviction in {ref.namespace}"
        # What a budget does not allow is no overload: it is not asked again.
        call = Call("POST", PODS.path(ref.namespace, ref.name, "eviction"), right, str(ref), body=body, attempts=1)
        await self._transport.send(call)

    async def right(self, verb: str, ref: ObjectRef) -> Right:
        """What RBAC must grant for a verb on an object's kind, in its namespace. NotFoundError: no such kind."""
        resource = await self._kinds.find(ref.api_version, ref.kind)
        return Right(verb, resource.group, resource.plural, ref.namespace)

    async def may(self, rights: Sequence[Right]) -> Sequence[Allowed]:
        """Which of these rights we have, in their order (SelfSubjectAccessReview, all at once)."""
        return await asyncio.gather(*(self._review(right) for right in rights))

    async def _review(self, right: Right) -> Allowed:
        attributes = {
            "verb": right.verb,
            "group": right.group,
            "resource": right.resource,
            "subresource": right.subresource,
            "namespace": right.namespace,
            "name": right.name,
        }
        kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
        body = {**kind, "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}}}
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        call = Call("POST", path, "create selfsubjectaccessreviews", f"the right to {right}", body=body)
        answer = await self._json(call)
        status = answer.get("status", {})
        return Allowed(right, bool(status.get("allowed")), str(status.get("reason", "")))

    def watch(self, resource: str, namespace: str) -> AsyncIterator[Fact]:
        """See `watch.watch`."""
        return watch(self._transport, resource, namespace)

    def logs(self, request: LogRequest, position: LogPosition) -> AsyncIterator[bytes]:
        """See `logs.read_log`."""
        return read_log(self._transport, request, position)

    async def probe_counters(self, node: str, namespace: str) -> Sequence[ProbeCount]:
        """What the kubelet of a node counted for the probes of a namespace's pods.

        Raises:
            DeniedError: the right to get nodes/proxy is missing; it is one that few have.
        """
        path = NODES.path(name=node, subresource="proxy/metrics/probes")
        text = await self._transport.send(Call("GET", path, "get nodes/proxy", f"probe metrics of node/{node}"))
        return await asyncio.to_thread(parse_probe_counters, text.decode(errors="replace"), namespace)

    async def usage(self, namespace: str) -> dict[str, Usage]:
        """What the pods of a namespace use, by name; empty where the cluster has no metrics."""
        path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{quote(namespace, safe='')}/pods"
        call = Call("GET", path, f"list pods.metrics.k8s.io in {namespace}", f"usage of pods in {namespace}")
        try:
            return usage_of(decoded(PODS_METRICS, await self._transport.send(call), self.server))
        except NotFoundError:
            return {}

    async def pod_get(
        self, namespace: str, pod: str, port: int | str, path: str, scheme: str = "HTTP", timeout: float = 5.0
    ) -> tuple[int | None, str]:
        """What a pod answers to a GET through the API server's proxy: status and the start of the text.

        The status is None when the API server could not reach the pod; the text then says why.

        Raises:
            DeniedError: the right to get pods/proxy is missing.
        """
        prefix = "https:" if scheme.upper() == "HTTPS" else ""
        name = f"{prefix}{pod}:{port}"
        call = Call(
            "GET",
            f"{PODS.path(namespace)}/{quote(name, safe=':')}/proxy/{path.lstrip('/')}",
            f"get pods/proxy in {namespace}",
            f"pod/{pod}",
        )
        return await self._transport.pass_on(call, timeout)

    async def service_get(self, namespace: str, service: str, port: int, path: str, scheme: str = "HTTP") -> Answer:
        """What a Service answers to a GET through the API server's proxy; see `ports.Cluster.service_get`.

        Raises:
            DeniedError: the right to get services/proxy is missing.
        """
        return await self._transport.visit(_visit("GET", namespace, service, port, path, scheme))

    async def service_send(
        self, method: str, namespace: str, service: str, port: int, path: str, *, body: str = "", content_type: str = ""
    ) -> Answer:
        """What a Service answers to a request that writes or removes something, through the API server's proxy.

        Raises:
            DeniedError: the right to create, update or delete services/proxy is missing.
            RefusedError: read-only.
        """
        call = _visit(method, namespace, service, port, path, "HTTP")
        return await self._transport.visit(replace(call, body=body or None, content_type=content_type))

    async def exec(
        self,
        namespace: str,
        pod: str,
        container: str,
        command: Sequence[str],
        *,
        timeout: float = 10.0,
        most: int = 1 << 21,
    ) -> ExecResult:
        """Runs a command in a container, without input; see `ports.Cluster.exec`."""
        return await sessions.run(self._transport, namespace, pod, container, command, timeout, most)

    async def _json(self, call: Call) -> JSON:
        async def ask() -> JSON:
            return decoded(_JSON, await self._transport.send(call), self.server)

        return await self._patience.outlast(ask)

    async def _on(
        self,
        ref: ObjectRef,
        method: str,
        verb: str,
        subresource: str = "",
        *,
        query: tuple[tuple[str, str], ...] = (),
        dry_run: bool = False,
        body: object = None,
    ) -> Call:
        """A call on one object."""
        resource = await self._kinds.find(ref.api_version, ref.kind)
        path = resource.path(ref.namespace, ref.name, subresource)
        right = _right(verb, resource, ref.namespace, subresource)
        return Call(method, path, right, str(ref), _query(query, dry_run), body)


def _query(query: tuple[tuple[str, str], ...], dry_run: bool) -> tuple[tuple[str, str], ...]:
    return (*query, ("dryRun", "All")) if dry_run else query


def _listing(resource: Resource, namespace: str, labels: str, token: str) -> Call:
    given = {"limit": str(PAGE), "labelSelector": labels, "continue": token}
    query = tuple((name, value) for name, value in given.items() if value)
    right = _right("list", resource, namespace)
    return Call("GET", resource.path(namespace), right, f"{resource.plural} in {namespace}", query)


def _right(verb: str, resource: Resource, namespace: str, subresource: str = "") -> str:
    """What RBAC must grant, in words: `patch deployments.apps/scale in todo`."""
    plural = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
    what = f"{plural}/{subresource}" if subresource else plural
    return f"{verb} {what}" + (f" in {namespace}" if namespace and resource.namespaced else "")


def _ref(manifest: JSON) -> ObjectRef:
    meta = manifest["metadata"]
    return ObjectRef(manifest["apiVersion"], manifest["kind"], meta.get("namespace", ""), meta["name"])


_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "DELETE": "delete"}


def _visit(method: str, namespace: str, service: str, port: int, path: str, scheme: str) -> Call:
    name = f"{'https:' if scheme.upper() == 'HTTPS' else ''}{service}:{port}"
    at, _, query = path.lstrip("/").partition("?")
    return Call(
        method,
        f"{SERVICES.path(namespace)}/{quote(name, safe=':')}/proxy/{at}",
        f"{_VERBS[method]} services/proxy in {namespace}",
        f"service/{service}",
        tuple(parse_qsl(query, keep_blank_values=True)),
    )
