"""What Kubernetes' own definitions say of an object: unknown fields, wrong types, what is missing; how lists merge.

Offline, against the newest version of the API (the definitions of kubernetes.io's OpenAPI, stripped). The stable kinds
and fields of older versions are all in it, so what it does not know, no cluster knows.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from console.model.skew import DEFINITIONS

VERSION = ".".join(map(str, DEFINITIONS))
Path = tuple[str | int, ...]
_QUANTITY = re.compile(r"[+-]?(\d+|\d+\.\d*|\.\d+)([eE][+-]?\d+|[EPTGMk]i?|Ki|[mun])?")
_CLUSTER_WIDE = (
    "APIService CSIDriver CSINode CertificateSigningRequest ClusterRole ClusterRoleBinding ClusterTrustBundle "
    "CustomResourceDefinition DeviceClass DeviceTaintRule FlowSchema IPAddress IngressClass MutatingAdmissionPolicy "
    "MutatingAdmissionPolicyBinding MutatingWebhookConfiguration Namespace Node PersistentVolume PriorityClass "
    "PriorityLevelConfiguration ResourceSlice RuntimeClass ServiceCIDR StorageClass StorageVersionMigration "
    "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration VolumeAttachment "
    "VolumeAttributesClass"
)
_PORTS = frozenset({"containerPort", "hostPort", "nodePort", "port", "targetPort"})
# The definitions list no values: these are from kubernetes.io, API reference, of fields whose values are closed.
_VALUES = {
    "Container.imagePullPolicy": "Always IfNotPresent Never",
    "ContainerPort.protocol": "TCP UDP SCTP",
    "CronJobSpec.concurrencyPolicy": "Allow Forbid Replace",
    "DaemonSetUpdateStrategy.type": "RollingUpdate OnDelete",
    "DeploymentStrategy.type": "RollingUpdate Recreate",
    "HTTPGetAction.scheme": "HTTP HTTPS",
    "HTTPIngressPath.pathType": "Exact Prefix ImplementationSpecific",
    "MetricSpec.type": "Resource ContainerResource Pods Object External",
    "PodSpec.dnsPolicy": "ClusterFirst ClusterFirstWithHostNet Default None",
    "PodSpec.restartPolicy": "Always OnFailure Never",
    "ServicePort.protocol": "TCP UDP SCTP",
    "ServiceSpec.type": "ClusterIP NodePort LoadBalancer ExternalName",
    "StatefulSetSpec.podManagementPolicy": "OrderedReady Parallel",
    "StatefulSetUpdateStrategy.type": "RollingUpdate OnDelete",
    "TopologySpreadConstraint.whenUnsatisfiable": "DoNotSchedule ScheduleAnyway",
}
METADATA = {"ref": "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
"""The type of every object's metadata, of kinds that are not Kubernetes' own too."""
_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "int-or-string": "a whole number or text",
    "quantity": "an amount like 500m, 2 or 64Mi",
    "map": "a mapping",
    "list": "a list",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in an object. `at_key`: a field's name is wrong, not its value; `missing`: one lacks."""

    path: Path
    message: str
    offending: str = ""
    expected: str = ""
    nearest: str = ""
    at_key: bool = False
    missing: bool = False


@cache
def _schema() -> dict[str, Any]:
    packed = (files("console") / "schema" / f"kubernetes-{VERSION}.json.gz").read_bytes()
    found: dict[str, Any] = msgspec.json.decode(gzip.decompress(packed))
    return found


def known(api_version: str, kind: str) -> bool:
    """Whether the definitions have this kind; others come by CustomResourceDefinition."""
    return f"{api_version}/{kind}" in _schema()["kinds"]


def namespaced(kind: str) -> bool:
    """Whether objects of the kind lie in a namespace; kinds that are not Kubernetes' own are taken to."""
    return kind not in _CLUSTER_WIDE.split()


def _kubernetes_own(api_version: str) -> bool:
    """Whether only Kubernetes can define kinds there. Of dotted groups, old alpha and beta versions may be served."""
    group, _, version = api_version.rpartition("/")
    groups = {name.rpartition("/")[0].rpartition("/")[0] for name in _schema()["kinds"]}
    return "." not in group or (group in groups and "alpha" not in version and "beta" not in version)


def nearest_kind(api_version: str, kind: str) -> tuple[str, str] | None:
    """The apiVersion and kind that may be meant where the group is Kubernetes' own; None for anybody else's."""
    if not _kubernetes_own(api_version):
        return None
    kinds = {name.rpartition("/")[2]: name.rpartition("/")[0] for name in _schema()["kinds"]}
    if kind in kinds:
        return kinds[kind], kind
    close = get_close_matches(kind, kinds, n=1)
    return (kinds[close[0]], close[0]) if close else None


def root(api_version: str, kind: str) -> Any:
    """The type of a kind."""
    return {"ref": _schema()["kinds"][f"{api_version}/{kind}"]}


def field_type(kind: Any, name: str) -> Any:
    """The type of a field, None if there is no such field."""
    if isinstance(kind, dict) and "ref" in kind:
        return _schema()["definitions"][kind["ref"]]["fields"].get(name)
    return kind["map"] if isinstance(kind, dict) and "map" in kind else "any"


def faults(body: Any, kind: Any, path: Path = ()) -> Iterator[Fault]:
    """Everything that is wrong in a value of that type. Null stands for *not given*, as in the API."""
    if body is None or kind == "any":
        return
    if isinstance(kind, str):
        if not _fits(body, kind):
            yield _wrong(path, body, kind)
    elif "ref" in kind:
        yield from _struct_faults(body, kind["ref"], path)
    elif "list" in kind:
        yield from _list_faults(body, kind["list"], path)
    elif not isinstance(body, dict):
        yield _wrong(path, body, "map")
    else:
        for name, value in body.items():
            yield from faults(value, kind["map"], (*path, name))


def _struct_faults(body: Any, struct: str, path: Path) -> Iterator[Fault]:
    if not isinstance(body, dict):
        yield _wrong(path, body, "map")
        return
    definition = _schema()["definitions"][struct]
    fields = definition["fields"]
    for name, value in body.items():
        if name in fields:
            found = list(faults(value, fields[name], (*path, name)))
            yield from found or _value_faults(value, struct, (*path, name))
        elif fields:
            close = get_close_matches(str(name), fields, n=1)
            yield Fault(
                (*path, name), f"unknown field {name!r}{_inside(path)}", nearest=close[0] if close else "", at_key=True
            )
    missing = [name for name in definition["required"] if body.get(name) is None]
    for name in missing:
        yield Fault(path, f"{_place(path)} lacks the field {name!r}", at_key=True, missing=True)


def _value_faults(value: Any, struct: str, path: Path) -> Iterator[Fault]:
    """A value of the right type that the field can never have."""
    if path[-1] in _PORTS and isinstance(value, int) and not 0 <= value <= 65535:
        yield Fault(path, f"{_place(path)} is no port", str(value), "1 to 65535")
    allowed = _VALUES.get(f"{struct.rpartition('.')[2]}.{path[-1]}", "").split()
    if allowed and isinstance(value, str) and value not in allowed:
        nearest = next(iter(get_close_matches(value, allowed, n=1)), "")
        yield Fault(path, f"{_place(path)} has a value that is not allowed", value, " or ".join(allowed), nearest)


def _list_faults(body: Any, item: Any, path: Path) -> Iterator[Fault]:
    if not isinstance(body, list):
        yield _wrong(path, body, "list")
        return
    for index, value in enumerate(body):
        if value is None and item != "any":
            kind = item if isinstance(item, str) else "list" if "list" in item else "map"
            yield Fault((*path, index), f"{_place((*path, index))} is empty", expected=_WORDS[kind])
        yield from faults(value, item, (*path, index))


def _fits(value: Any, kind: str) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if kind == "quantity":
        text = isinstance(value, str) and _QUANTITY.fullmatch(value)
        return bool(text) or whole or isinstance(value, float)
    checks = {
        "string": isinstance(value, str),
        "integer": whole or (isinstance(value, float) and value.is_integer()),
        "number": whole or isinstance(value, float),
        "boolean": isinstance(value, bool),
        "int-or-string": whole or isinstance(value, str),
    }
    return checks.get(kind, True)


def _wrong(path: Path, value: Any, kind: str) -> Fault:
    found = "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else str(value)
    return Fault(path, f"{_place(path)} has a value of the wrong type", offending=found, expected=_WORDS[kind])


def _place(path: Path) -> str:
    names = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    return "".join(names).lstrip(".") or "the object"


def _inside(path: Path) -> str:
    return f" in {_place(path)}" if path else ""
