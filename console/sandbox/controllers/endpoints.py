"""Endpoints of Services: EndpointSlices, and the older Endpoints object.

Rules: `staging/src/k8s.io/endpointslice` and `pkg/controller/endpoint`. Readiness is followed at once, unbatched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from console.sandbox.api import times
from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object
from console.sandbox.api.selectors import Selector
from console.sandbox.controllers.ownership import matcher
from console.sandbox.controllers.pod import Pod
from console.sandbox.controllers.pods import PodCache
from console.sandbox.controllers.runtime import Controller, deleting, itself, key_of, owner_reference
from console.sandbox.store import Change, Key

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
OURS = "endpointslice-controller.k8s.io"
LARGEST_SLICE = 100
_OLDER_MANAGED_BY = "endpoints.kubernetes.io/managed-by"
_CHANGED_AT = "endpoints.kubernetes.io/last-change-trigger-time"


class Target(NamedTuple):
    """A Service's port as a pod has it: named ports may lead elsewhere in every pod."""

    name: str
    protocol: str
    number: int


class Endpoints(Controller):
    """Keeps the slices of every Service that has a selector.

    Args:
        machinery: the cluster.
        pods: its pods.
    """

    name = "endpoint-slice-controller"

    def __init__(self, machinery: Machinery, pods: PodCache) -> None:
        super().__init__(machinery)
        self._pods = pods
        self._selectors: dict[str, dict[Key, Selector]] = defaultdict(dict)

    def start(self) -> None:
        """Follows Services, their slices, and pods."""
        self.follow("services", self._service_changed)
        self.follow("endpointslices", _service_of)
        self._ends.append(self._pods.follow(self._pod_changed))

    def _service_changed(self, change: Change) -> Iterable[Key]:
        key = change.entry.key
        self._selectors[key.namespace].pop(key, None)
        wanted = None if change.type == "DELETED" else change.object["spec"].get("selector")
        if wanted:
            self._selectors[key.namespace][key] = Selector.labels(wanted)
        return itself(change)

    def _pod_changed(self, after: Pod | None, before: Pod | None) -> None:
        pod = after or before
        for key, selector in self._selectors[pod.key.namespace].items() if pod else ():
            if any(each and selector.matches(each.labels) for each in (after, before)):
                self.queue.add(key)

    def reconcile(self, key: Key) -> float | None:
        """Writes the slices of one Service as its pods are now."""
        service = self.machinery.find(*key)
        selector = self._selectors[key.namespace].get(key)
        if service is None:
            self._remove_endpoints(key)
        if service is None or selector is None or deleting(service):
            return None
        matches = matcher(selector)
        matching = sorted((pod for pod in self._pods.space(key.namespace) if matches(pod)), key=_name)
        reachable = [pod for pod in matching if pod.ip and not pod.finished]
        self._write_slices(service, _grouped(service, reachable))
        self._write_endpoints(service, [pod for pod in reachable if not pod.deleting])
        return None

    # -- slices

    def _write_slices(self, service: Object, groups: dict[tuple[Target, ...], list[Object]]) -> None:
        """Changes the slices there are before it adds or removes any."""
        existing = self._slices(service)
        wanted = [
            (ports, endpoints[start : start + LARGEST_SLICE])
            for ports, endpoints in (groups or {(): []}).items()
            for start in range(0, max(len(endpoints), 1), LARGEST_SLICE)
        ]
        for index, (ports, endpoints) in enumerate(wanted):
            body = {"ports": [_port(each) for each in ports], "endpoints": endpoints}
            if index < len(existing):
                self._update_slice(service, existing[index], body)
            else:
                self._create_slice(service, body)
        for surplus in existing[len(wanted) :]:
            self.machinery.delete(*key_of("endpointslices", surplus))

    def _slices(self, service: Object) -> list[Object]:
        owned = self.machinery.owned_by(service["metadata"]["uid"], "endpointslices")
        return [each for each in owned if (each["metadata"].get("labels") or {}).get(MANAGED_BY) == OURS]

    def _update_slice(self, service: Object, old: Object, body: Object) -> None:
        if old.get("endpoints") == body["endpoints"] and old.get("ports") == body["ports"]:
            return

        def change(obj: Object) -> None:
            obj.update(body)
            obj["metadata"].setdefault("annotations", {})[_CHANGED_AT] = times.time()

        self.machinery.mutate(*key_of("endpointslices", old), change)

    def _create_slice(self, service: Object, body: Object) -> None:
        metadata = service["metadata"]
        labels = {**(metadata.get("labels") or {}), SERVICE_NAME: metadata["name"], MANAGED_BY: OURS}
        if service["spec"].get("clusterIP") == "None":
            labels["service.kubernetes.io/headless"] = ""
        made = {
            "generateName": f"{metadata['name']}-",
            "namespace": metadata["namespace"],
            "labels": labels,
            "annotations": {_CHANGED_AT: times.time()},
            "ownerReferences": [owner_reference(service)],
        }
        self.machinery.create("endpointslices", {"metadata": made, "addressType": "IPv4", **body})

    # -- the older form

    def _write_endpoints(self, service: Object, pods: Sequence[Pod]) -> None:
        metadata = service["metadata"]
        subsets = _subsets(service, pods)
        old = self.machinery.find("endpoints", metadata["namespace"], metadata["name"])
        if old is None:
            labels = {**(metadata.get("labels") or {}), _OLDER_MANAGED_BY: "endpoint-controller"}
            made = {"name": metadata["name"], "namespace": metadata["namespace"], "labels": labels}
            made["annotations"] = {_CHANGED_AT: times.time()}
            self.machinery.create("endpoints", {"metadata": made} | ({"subsets": subsets} if subsets else {}))
        elif (old.get("subsets") or []) != subsets:
            self.machinery.mutate(
                "endpoints", metadata["namespace"], metadata["name"], lambda obj: obj.update(subsets=subsets)
            )

    def _remove_endpoints(self, service: Key) -> None:
        """The older object has no owner reference; it goes with the Service by its name."""
        found = self.machinery.store.get(Key("endpoints", service.namespace, service.name))
        if found and _OLDER_MANAGED_BY in found.labels:
            self.machinery.delete(*found.key)


def _service_of(change: Change) -> Iterable[Key]:
    """The Service of a slice that somebody else has changed."""
    labels = change.entry.labels
    if labels.get(MANAGED_BY) == OURS and SERVICE_NAME in labels:
        return (Key("services", change.entry.key.namespace, labels[SERVICE_NAME]),)
    return ()


def _name(pod: Pod) -> str:
    return pod.key.name


def _grouped(service: Object, pods: Sequence[Pod]) -> dict[tuple[Target, ...], list[Object]]:
    groups: dict[tuple[Target, ...], list[Object]] = defaultdict(list)
    for pod in pods:
        groups[targets(service, pod)].append(_endpoint(service, pod))
    return groups


def targets(service: Object, pod: Pod) -> tuple[Target, ...]:
    """The Service's ports in this pod; a name that none of its containers has is left out."""
    found = []
    for port in service["spec"].get("ports") or ():
        wanted, protocol = port.get("targetPort", port["port"]), port.get("protocol", "TCP")
        number = wanted
        if isinstance(wanted, str):
            named = (each.number for each in pod.ports if (each.name, each.protocol) == (wanted, protocol))
            number = next(named, None)
        if number is not None:
            found.append(Target(port.get("name", ""), protocol, number))
    return tuple(found)


def _port(target: Target) -> Object:
    return {"name": target.name, "port": target.number, "protocol": target.protocol}


def _endpoint(service: Object, pod: Pod) -> Object:
    always = bool(service["spec"].get("publishNotReadyAddresses"))
    conditions = {
        "ready": always or (pod.ready and not pod.deleting),
        "serving": always or pod.ready,
        "terminating": pod.deleting,
    }
    endpoint = {"addresses": [pod.ip], "conditions": conditions, "targetRef": _reference(pod)}
    return (
        endpoint | ({"hostname": pod.hostname} if pod.hostname else {}) | ({"nodeName": pod.node} if pod.node else {})
    )


def _reference(pod: Pod) -> Object:
    return {"kind": "Pod", "namespace": pod.key.namespace, "name": pod.key.name, "uid": pod.uid}


def _subsets(service: Object, pods: Sequence[Pod]) -> list[Object]:
    groups: dict[tuple[Target, ...], Object] = {}
    always = service["spec"].get("publishNotReadyAddresses")
    for pod in pods:
        ports = targets(service, pod)
        field = "addresses" if pod.ready or always else "notReadyAddresses"
        address = {"ip": pod.ip, "nodeName": pod.node, "targetRef": _reference(pod)}
        groups.setdefault(ports, {}).setdefault(field, []).append(address)
    return [group | ({"ports": [_port(each) for each in ports]} if ports else {}) for ports, group in groups.items()]
