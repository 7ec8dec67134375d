"""`metrics.k8s.io`: what nodes and pods use now, from the nodes' own figures."""

from __future__ import annotations

from aiohttp import web

from console.sandbox.api import errors, times
from console.sandbox.api.context import Context
from console.sandbox.api.ports import NodeUsage, PodUsage, Usage
from console.sandbox.api.resources import Object
from console.sandbox.api.selectors import Selector

_VERSION = "metrics.k8s.io/v1beta1"


class Metrics:
    """Answers `kubectl top` and autoscalers."""

    async def answer(self, context: Context) -> web.Response:
        """One object or a list, of nodes or of pods.

        Raises:
            StatusError: 404 no figures for that name, 405 not a reading verb.
        """
        info = context.info
        if info.verb not in ("get", "list"):
            raise errors.method_not_allowed()
        found = await (_nodes(context) if info.resource == "nodes" else _pods(context))
        kind = "NodeMetrics" if info.resource == "nodes" else "PodMetrics"
        found = [{"kind": kind, "apiVersion": _VERSION, **each} for each in found]
        if info.verb == "list":
            head = {"kind": f"{kind}List", "apiVersion": _VERSION, "metadata": {}}
            return context.answer(head | {"items": found})
        for each in found:
            if each["metadata"]["name"] == info.name:
                return context.answer(each)
        about = {"name": info.name, "group": "metrics.k8s.io", "kind": info.resource}
        message = f'{info.resource}.metrics.k8s.io "{info.name}" not found'
        raise errors.StatusError(404, "NotFound", message, about)


async def _usages(context: Context) -> dict[str, NodeUsage]:
    return {name: await agent.usage() for name, agent in context.nodes.items()}


def _resources(usage: Usage) -> Object:
    return {"cpu": f"{round(usage.cpu * 1e9)}n", "memory": f"{usage.memory // 1024}Ki"}


def _selected(context: Context, resource: str, namespace: str, name: str) -> Object | None:
    """The labels of an object that is there and matches the request's selector."""
    obj = context.machinery.find(resource, namespace, name)
    labels = (obj or {}).get("metadata", {}).get("labels") or {}
    wanted = Selector.parse(context.query.get("labelSelector", ""))
    return labels if obj and wanted.matches(labels) else None


async def _nodes(context: Context) -> list[Object]:
    found = []
    for name, measured in (await _usages(context)).items():
        labels = _selected(context, "nodes", "", name)
        if labels is not None:
            metadata = {"name": name, "labels": labels, "creationTimestamp": times.time()}
            found.append(_stamp(measured, metadata) | {"usage": _resources(measured.usage)})
    return found


def _stamp(measured: NodeUsage | PodUsage, metadata: Object) -> Object:
    return {"metadata": metadata, "timestamp": times.time(measured.time), "window": f"{measured.window:.3f}s"}


async def _pods(context: Context) -> list[Object]:
    found = []
    measured = [pod for node in (await _usages(context)).values() for pod in node.pods]
    for pod in measured:
        if context.info.namespace not in ("", pod.namespace):
            continue
        labels = _selected(context, "pods", pod.namespace, pod.name)
        if labels is not None:
            metadata = {"name": pod.name, "namespace": pod.namespace, "labels": labels}
            containers = [{"name": name, "usage": _resources(each)} for name, each in pod.containers.items()]
            found.append(_stamp(pod, metadata | {"creationTimestamp": times.time()}) | {"containers": containers})
    return sorted(found, key=lambda each: (each["metadata"]["namespace"], each["metadata"]["name"]))
