"""Who owns which field: `metadata.managedFields`, kept up with every write that has a writer.

Rules: sigs.k8s.io/structured-merge-diff (merge/update.go). Writes of the cluster's own parts are noted only on objects
that somebody else has written already; an object they made and keep has no managedFields.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from console.sandbox.api import fields, schema, times
from console.sandbox.api.fields import Fields, Path
from console.sandbox.api.resources import Object, Resource

BEFORE_APPLY = "before-first-apply"


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, as `managedFields` names it: the field manager, and how (`Update` or `Apply`)."""

    manager: str
    operation: str = "Update"


@dataclass(frozen=True, slots=True)
class Share:
    """One entry of `managedFields`: a writer's fields."""

    manager: str
    operation: str
    subresource: str
    time: str
    owned: Fields

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two entries the same owner."""
        return self.manager, self.operation, self.subresource

    def entry(self, api_version: str) -> Object:
        """The JSON form."""
        entry: Object = {
            "manager": self.manager,
            "operation": self.operation,
            "apiVersion": api_version,
            "time": self.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": fields.to_fields_v1(self.owned),
        }
        return entry | ({"subresource": self.subresource} if self.subresource else {})

    def minus(self, paths: Fields) -> Share:
        """Without these fields."""
        return replace(self, owned=self.owned - paths) if self.owned & paths else self


def shares(obj: Object) -> list[Share]:
    """The entries of an object's `managedFields`."""
    return [
        Share(
            each.get("manager", ""),
            each.get("operation", ""),
            each.get("subresource", ""),
            each.get("time", ""),
            fields.from_fields_v1(each.get("fieldsV1") or {}),
        )
        for each in obj["metadata"].get("managedFields") or ()
    ]


def write(kind: Resource, obj: Object, entries: list[Share]) -> None:
    """Sets `managedFields`, without the entries that own nothing."""
    kept = sorted((each for each in entries if each.owned), key=lambda each: (each.operation, each.time))
    obj["metadata"].pop("managedFields", None)
    if kept:
        obj["metadata"]["managedFields"] = [each.entry(kind.api_version) for each in kept]


def changes(kind: Resource, old: Object | None, new: Object) -> tuple[Fields, Fields]:
    """The fields that `new` adds or changes, and those it no longer has."""
    node = schema.of(kind)
    before: dict[Path, object] = fields.leaves(node, old) if old else {}
    after = fields.leaves(node, new)
    missing = object()
    changed = frozenset(path for path, value in after.items() if before.get(path, missing) != value)
    return changed, frozenset(before.keys() - after.keys())


def _of(kind: Resource, paths: Fields, subresource: str) -> Fields:
    """What a write can own: the status only through its subresource, and nothing else through it."""
    if not kind.status:
        return paths
    return frozenset(path for path in paths if (path[0] == "f:status") is (subresource == "status"))


def track(kind: Resource, old: Object | None, new: Object, writer: Writer, subresource: str = "") -> None:
    """Notes an update: what it changed becomes the writer's and nobody else's; what it removed is nobody's.

    A request may bring `managedFields` of its own (to rename or drop owners): they are what is built on.
    """
    given = new["metadata"].get("managedFields")
    kept = shares(new if given is not None or old is None else old)
    changed, removed = (_of(kind, each, subresource) for each in changes(kind, old, new))
    key = (writer.manager, writer.operation, subresource)
    others = [each.minus(changed | removed) for each in kept if each.key != key]
    mine = next((each for each in kept if each.key == key), Share(*key, times.time(), frozenset()))
    owned = (mine.owned | changed) - removed
    if owned != mine.owned or changed:
        mine = replace(mine, owned=owned, time=times.time())
    write(kind, new, [*others, mine])
