"""What hangs below an object: scale, eviction, binding, token, finalize, logs, commands, proxies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from console.sandbox.api import decoding, errors, forwarding, rest, streams
from console.sandbox.api.context import Context
from console.sandbox.api.eviction import evict
from console.sandbox.api.proxying import Proxying
from console.sandbox.api.resources import Object, Resource
from console.sandbox.api.selectors import Selector

Handler = Callable[[Context, Resource], Awaitable[web.StreamResponse]]


class Subresources:
    """Finds the handler for a subresource."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {
            "scale": scale,
            "eviction": eviction,
            "binding": binding,
            "token": token,
            "finalize": finalize,
            "log": streams.log,
            "exec": streams.execute,
            "attach": streams.attach,
            "portforward": forwarding.port_forward,
            "proxy": Proxying().handle,
        }

    async def handle(self, context: Context, kind: Resource) -> web.StreamResponse:
        """Answers a request on a subresource.

        Raises:
            StatusError: what the client is told.
        """
        verbs = next((verbs for name, _, verbs in kind.subresources if name == context.info.subresource), None)
        if verbs is None:
            raise errors.no_such_path()
        if context.info.verb not in verbs:
            raise errors.method_not_allowed()
        return await self._handlers[context.info.subresource](context, kind)


async def scale(context: Context, kind: Resource) -> web.Response:
    """Reads or sets the number of replicas, whatever the kind."""
    info, machinery = context.info, context.machinery
    obj = machinery.get(kind.name, info.namespace, info.name)
    if info.verb == "get":
        return context.answer(_scale(obj))
    body = await context.body()
    if info.verb == "patch":
        body = rest.patched(kind, _scale(obj), body, context.request.content_type)
    wanted, _ = decoding.decode_as("autoscaling", "v1", "Scale", body)
    replicas = (wanted.get("spec") or {}).get("replicas", 0)
    version = wanted.get("metadata", {}).get("resourceVersion")

    def change(current: Object) -> None:
        current["spec"]["replicas"] = replicas
        if version:
            current["metadata"]["resourceVersion"] = version

    if replicas < 0:
        named = Resource("scales", "Scale", "autoscaling")
        why = errors.invalid("spec.replicas", replicas, "must be greater than or equal to 0")
        raise errors.not_valid(named, info.name, [why])
    updated = machinery.mutate(
        kind.name,
        info.namespace,
        info.name,
        change,
        subresource="scale",
        writer=context.writer,
        dry_run=context.dry_run,
    )
    return context.answer(_scale(updated))


def _scale(obj: Object) -> Object:
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    selector = Selector.of(obj["spec"].get("selector"))
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: obj["metadata"][name] for name in names},
        "spec": {"replicas": obj["spec"]["replicas"]} if obj["spec"].get("replicas") else {},
        "status": {"replicas": (obj.get("status") or {}).get("replicas", 0), "selector": str(selector or "")},
    }


async def eviction(context: Context, kind: Resource) -> web.Response:
    """Deletes a pod if its disruption budgets allow."""
    body, _ = decoding.decode_as("policy", "v1", "Eviction", await context.body() or {})
    options = body.get("deleteOptions") or {}
    dry_run = context.dry_run or options.get("dryRun") == ["All"]
    evict(context.machinery, context.info.namespace, context.info.name, options, dry_run=dry_run)
    return context.answer(_success(), status=201)


async def binding(context: Context, kind: Resource) -> web.Response:
    """Assigns a pod to a node, as schedulers do."""
    body, _ = decoding.decode_as("", "v1", "Binding", await context.body())
    node = body.get("target", {}).get("name", "")
    if not context.dry_run:
        context.machinery.bind(context.info.namespace, context.info.name, node)
    return context.answer(_success(), status=201)


def _success() -> Object:
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


async def token(context: Context, kind: Resource) -> web.Response:
    """Issues a token for a service account (`kubectl create token`)."""
    info = context.info
    request, _ = decoding.decode_as("authentication.k8s.io", "v1", "TokenRequest", await context.body() or {})
    account = context.machinery.get(kind.name, info.namespace, info.name)
    spec = request.get("spec") or {}
    seconds = int(spec.get("expirationSeconds") or 3600)
    if seconds < 600:
        why = errors.invalid("spec.expirationSeconds", seconds, "may not specify a duration less than 10 minutes")
        named = Resource("tokenrequests", "TokenRequest", "authentication.k8s.io")
        raise errors.not_valid(named, "", [why])
    status = context.authority.service_account_token(account, seconds, spec.get("audiences"))
    return context.answer(
        request | {"metadata": {"name": info.name, "namespace": info.namespace}, "status": status}, status=201
    )


async def finalize(context: Context, kind: Resource) -> web.Response:
    """Sets a namespace's finalizers; without any, a namespace marked for deletion goes."""
    obj, _ = decoding.decode(kind, await context.body())
    updated = context.machinery.update(kind.name, obj, subresource="finalize", dry_run=context.dry_run)
    return context.answer(updated)
