"""HTTP through the API server: to a pod's port, a Service's port, a node's own endpoints."""

from __future__ import annotations

import os
import random

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientTimeout,
    ServerDisconnectedError,
    web,
)

from console.sandbox.api import errors, streams
from console.sandbox.api.context import Context
from console.sandbox.api.errors import StatusError
from console.sandbox.api.ports import NodeUsage, PodUsage, Usage
from console.sandbox.api.resources import Object, Resource
from console.sandbox.api.times import time

_HOP_BY_HOP = {
    "authorization",
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}


class Proxying:
    """Answers `.../proxy/PATH`."""

    async def handle(self, context: Context, kind: Resource) -> web.StreamResponse:
        """Passes the request on and its answer back.

        Raises:
            StatusError: 404 no such object, 503 nothing answers there.
        """
        if kind.name == "nodes":
            return await _node(context)
        scheme, name, port = _target(context.info.name)
        obj = context.machinery.get(kind.name, context.info.namespace, name)
        address = _pod_address(context, obj, port) if kind.name == "pods" else _service_address(context, obj, port)
        return await _pass_on(context, f"{scheme}://{address}/{context.info.rest}")


def _target(text: str) -> tuple[str, str, str]:
    """`[SCHEME:]NAME[:PORT]` -> scheme, name, port."""
    parts = text.split(":")
    if len(parts) == 3:
        return parts[0] or "http", parts[1], parts[2]
    return "http", parts[0], parts[1] if len(parts) == 2 else ""


def _pod_address(context: Context, pod: Object, port: str) -> str:
    ports = [each for container in pod["spec"]["containers"] for each in container.get("ports") or ()]
    if port and not port.isdigit():
        port = next((str(each["containerPort"]) for each in ports if each.get("name") == port), port)
    return f"{streams.agent(context, pod).address(pod)}:{port or (ports[0]['containerPort'] if ports else 80)}"


def _service_address(context: Context, service: Object, port: str) -> str:
    """A ready endpoint; a port without a name is meant where none is named (`pkg/registry/core/service/storage`)."""
    name, wanted = service["metadata"]["name"], port
    if port.isdigit():
        found = [each for each in service["spec"].get("ports") or () if each["port"] == int(port)]
        if not found:
            raise _unavailable(f'no service port {port} found for service "{name}"')
        port = found[0].get("name") or ""
    endpoints = context.machinery.find("endpoints", service["metadata"]["namespace"], name) or {}
    subsets = endpoints.get("subsets") or []
    for subset in subsets:
        numbers = {each.get("name") or "": each["port"] for each in subset.get("ports") or ()}
        if subset.get("addresses") and port in numbers:
            return f"{random.choice(subset['addresses'])['ip']}:{numbers[port]}"  # noqa: S311 - any will do
    asked = f"{name}:{wanted}" if subsets and wanted else name
    raise _unavailable(f'no endpoints available for service "{asked}"')


def _unavailable(message: str) -> StatusError:
    return StatusError(503, "ServiceUnavailable", message)


async def _pass_on(context: Context, url: str) -> web.StreamResponse:
    request = context.request
    headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
    body = await request.read()
    timeout = ClientTimeout(total=None, sock_connect=5)
    try:
        async with (
            ClientSession(timeout=timeout, auto_decompress=False) as session,
            session.request(
                request.method, url, params=request.query, headers=headers, data=body or None, allow_redirects=False
            ) as answer,
        ):
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
            response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=kept)
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            return response
    except (ClientError, TimeoutError) as error:
        raise _unavailable(f"error trying to reach service: {_words(error)}") from None


def _words(error: Exception) -> str:
    """As Go says it, with the address that was tried."""
    if isinstance(error, ClientConnectorError):
        why = os.strerror(error.os_error.errno or 0).lower()
        return f"dial tcp {error.host}:{error.port}: connect: {why}"
    return "EOF" if isinstance(error, ServerDisconnectedError) else str(error) or type(error).__name__


# -- a node's own endpoints


async def _node(context: Context) -> web.StreamResponse:
    name = context.info.name.partition(":")[0]
    context.machinery.get("nodes", "", name)
    agent, path = context.nodes.get(name), context.info.rest.strip("/")
    if path == "healthz":
        return context.raw(b"ok", content_type="text/plain")
    if path == "pods":
        return context.answer({"kind": "PodList", "apiVersion": "v1", "items": context.machinery.on_node(name)})
    if agent and path == "metrics/probes":
        return context.raw(agent.probe_metrics().encode(), content_type="text/plain")
    if agent and path == "metrics/resource":
        return context.raw(_resource_metrics(await agent.usage()).encode(), content_type="text/plain")
    if agent and path == "stats/summary":
        return context.answer(_summary(name, await agent.usage()))
    raise errors.no_such_path()


def _summary(name: str, measured: NodeUsage) -> Object:
    return {
        "node": {"nodeName": name, **_stats(measured, measured.usage)},
        "pods": [_pod_summary(each) for each in measured.pods],
    }


def _pod_summary(pod: PodUsage) -> Object:
    total = Usage(sum(each.cpu for each in pod.containers.values()), sum(e.memory for e in pod.containers.values()))
    return {
        "podRef": {"name": pod.name, "namespace": pod.namespace},
        "containers": [{"name": name, **_stats(pod, each)} for name, each in pod.containers.items()],
        **_stats(pod, total),
    }


def _stats(measured: NodeUsage | PodUsage, usage: Usage) -> Object:
    stamp = time(measured.time)
    return {
        "cpu": {"time": stamp, "usageNanoCores": round(usage.cpu * 1e9)},
        "memory": {"time": stamp, "workingSetBytes": usage.memory, "rssBytes": usage.memory},
    }


def _resource_metrics(measured: NodeUsage) -> str:
    lines = ["# TYPE container_memory_working_set_bytes gauge"]
    for pod in measured.pods:
        for container, usage in pod.containers.items():
            labels = f'container="{container}",namespace="{pod.namespace}",pod="{pod.name}"'
            lines.append(f"container_memory_working_set_bytes{{{labels}}} {usage.memory}")
    lines += ["# TYPE node_memory_working_set_bytes gauge", f"node_memory_working_set_bytes {measured.usage.memory}"]
    return "\n".join(lines) + "\n"
