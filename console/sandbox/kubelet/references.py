"""What a pod's spec refers to: ConfigMaps, Secrets, and fields of the pod itself."""

from __future__ import annotations

import re
from base64 import b64decode
from decimal import ROUND_CEILING

from console.sandbox.api import quantity
from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object

_SUBSCRIPT = re.compile(r"^metadata\.(annotations|labels)\['(.*)'\]$")
_WORDS = {"configmaps": "configmap", "secrets": "secret"}
_KINDS = {"configmaps": "ConfigMap", "secrets": "Secret"}


class MissingError(Exception):
    """Something that the pod refers to is not there; the message is the kubelet's own."""


class References:
    """Looks up what one pod refers to.

    Args:
        machinery: the cluster.
        pod: its spec and metadata.
        address: the pod's address.
        host: the node's address.
        allocatable: what the node has, which stands in for limits that are not set.
    """

    def __init__(self, machinery: Machinery, pod: Object, address: str, host: str, allocatable: Object) -> None:
        self._machinery = machinery
        self._pod = pod
        self._address, self._host = address, host
        self._allocatable = allocatable

    def data(self, resource: str, name: str, *, optional: bool = False) -> dict[str, bytes]:
        """The entries of a ConfigMap (`configmaps`) or Secret (`secrets`); empty when optional and not there.

        Raises:
            MissingError: it is not there.
        """
        found = self._machinery.find(resource, self._pod["metadata"]["namespace"], name)
        if found is None:
            if optional:
                return {}
            raise MissingError(f'{_WORDS[resource]} "{name}" not found')
        if resource == "secrets":
            return {key: b64decode(value) for key, value in (found.get("data") or {}).items()}
        plain = {key: value.encode() for key, value in (found.get("data") or {}).items()}
        return plain | {key: b64decode(value) for key, value in (found.get("binaryData") or {}).items()}

    def entry(self, resource: str, reference: Object) -> str | None:
        """One entry as text (`configMapKeyRef`, `secretKeyRef`); None when optional and not there.

        Raises:
            MissingError: it is not there.
        """
        name, key, optional = reference.get("name", ""), reference["key"], bool(reference.get("optional"))
        data = self.data(resource, name, optional=optional)
        if key in data:
            return data[key].decode(errors="replace")
        if optional:
            return None
        namespace = self._pod["metadata"]["namespace"]
        raise MissingError(f"couldn't find key {key} in {_KINDS[resource]} {namespace}/{name}")

    def field(self, path: str) -> str:
        """A field of the pod (downward API)."""
        metadata, spec = self._pod["metadata"], self._pod["spec"]
        if found := _SUBSCRIPT.match(path):
            return str((metadata.get(found[1]) or {}).get(found[2], ""))
        if path in ("metadata.labels", "metadata.annotations"):
            entries = metadata.get(path.partition(".")[2]) or {}
            return "\n".join(f"{key}={_quoted(value)}" for key, value in sorted(entries.items()))
        fields = {
            "metadata.name": metadata["name"],
            "metadata.namespace": metadata["namespace"],
            "metadata.uid": metadata["uid"],
            "spec.nodeName": spec.get("nodeName", ""),
            "spec.serviceAccountName": spec.get("serviceAccountName", ""),
            "status.hostIP": self._host,
            "status.hostIPs": self._host,
            "status.podIP": self._address,
            "status.podIPs": self._address,
        }
        if path not in fields:
            raise MissingError(f"unsupported fieldPath: {path}")
        return str(fields[path])

    def resource(self, reference: Object, container: str) -> str:
        """A container's request or limit in units of the divisor, rounded up (`resourceFieldRef`)."""
        named = reference.get("containerName") or container
        every = [*(self._pod["spec"].get("initContainers") or ()), *self._pod["spec"]["containers"]]
        resources = next((each.get("resources") or {} for each in every if each["name"] == named), {})
        kind, _, name = reference["resource"].partition(".")
        default = self._allocatable.get(name, "0") if kind == "limits" else "0"
        amount = quantity.parse((resources.get(kind) or {}).get(name, default))
        divisor = quantity.parse(reference.get("divisor") or "1") or quantity.parse("1")
        return str((amount / divisor).to_integral_value(ROUND_CEILING))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
