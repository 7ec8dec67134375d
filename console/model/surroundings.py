"""What a stack stands on besides its own pods: what it brings itself, what comes before what, what changed last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from console.model.podspec import pod_template
from console.model.stack import JSON, Stack
from console.model.workload import External

Name = tuple[str, str]
"""Kind and name of an object of the stack's namespace."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a diagnosis may blame besides a pod.

    Attributes:
        after: by service, the services and externals that must be ready before it.
        promised: the keys of each ConfigMap and Secret that the stack brings itself; they may be about to appear.
        externals: as last checked, by name.
        changed: by service, what the newest release changed.
        workloads: by declared workload, its service; it is told by names where owners cannot be watched.
    """

    after: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    promised: Mapping[Name, frozenset[str]] = field(default_factory=dict)
    externals: Mapping[str, External] = field(default_factory=dict)
    changed: Mapping[str, str] = field(default_factory=dict)
    workloads: Mapping[Name, str] = field(default_factory=dict)

    def promises(self, kind: str, name: str, key: str = "") -> bool:
        """True if the stack brings that ConfigMap or Secret, with the key if one is given."""
        keys = self.promised.get((kind, name))
        return keys is not None and (not key or key in keys)

    def down(self, service: str) -> External | None:
        """The first external that cannot be reached among all that the service comes after, however indirectly."""
        seen, ahead = {service}, list(self.after.get(service, ()))
        while ahead:
            name = ahead.pop(0)
            external = self.externals.get(name)
            if external and external.ok is False:
                return external
            ahead += [each for each in self.after.get(name, ()) if each not in seen]
            seen.add(name)
        return None


def surroundings_of(stack: Stack, secrets: Iterable[tuple[str, str]] = ()) -> Surroundings:
    """What a stack says of its surroundings.

    Args:
        stack: what is declared.
        secrets: (name of a Secret, key) that the console makes from values of this machine.
    """
    promised: dict[Name, set[str]] = {}
    for manifest in stack.manifests:
        if manifest.ref.kind in {"ConfigMap", "Secret"}:
            promised.setdefault((manifest.ref.kind, manifest.ref.name), set()).update(_keys(manifest.body))
    own = [(each.secret, each.key) for each in stack.externals]
    for name, key in (*own, *secrets):
        promised.setdefault(("Secret", name), set()).add(key)
    after = {service.name: service.after for service in stack.services}
    keys = {name: frozenset(keys) for name, keys in promised.items()}
    workloads = {(each.ref.kind, each.ref.name): each.service for each in stack.manifests if pod_template(each.body)}
    return Surroundings(after, keys, workloads=workloads)


def _keys(body: JSON) -> set[str]:
    return {key for part in ("data", "stringData", "binaryData") for key in body.get(part) or {}}
