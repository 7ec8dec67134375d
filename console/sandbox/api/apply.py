"""Server-side apply: a writer says what it wants, field by field, and is told whom it would overrule.

Rules and texts: https://kubernetes.io/docs/reference/using-api/server-side-apply, structured-merge-diff
(merge/update.go), `k8s.io/apimachinery/pkg/util/managedfields`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from console.sandbox.api import fields, ownership, schema, times
from console.sandbox.api.errors import StatusError
from console.sandbox.api.fields import Fields, Path
from console.sandbox.api.ownership import Share
from console.sandbox.api.resources import Object, Resource
from console.sandbox.api.schema import ANY, Node
from console.sandbox.store import copy

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_METADATA = ("f:metadata",)


@dataclass(frozen=True, slots=True)
class Apply:
    """One apply request.

    Attributes:
        config: what the writer wants, and nothing else.
        force: take fields over from others instead of reporting a conflict.
    """

    kind: Resource
    config: Object
    manager: str
    force: bool
    subresource: str = ""

    def onto(self, live: Object | None) -> Object:
        """The object that results, with `managedFields` brought up to date.

        Raises:
            StatusError: 409, others own fields that this would change; every one of them is a cause.
        """
        node = schema.of(self.kind)
        kept = self._shares(node, live)
        wanted = self._wanted(node)
        key = (self.manager, "Apply", self.subresource)
        mine = next((each for each in kept if each.key == key), Share(*key, times.time(), frozenset()))
        merged: Object = _merge(node, copy(live) if live else {"metadata": {}}, self._config())
        changed, _ = ownership.changes(self.kind, live, merged)
        free = frozenset(self._handed_over(node, live)) if live else frozenset()
        others = self._settle([each for each in kept if each.key != key], changed, free)
        held = frozenset(path for each in others for path in each.owned)
        merged = _prune(node, merged, mine.owned - wanted, held | wanted, ()) or {}
        present = frozenset(fields.leaves(node, merged))
        others = [replace(each, owned=each.owned & present) for each in others]
        if mine.owned != wanted or changed:
            mine = replace(mine, owned=wanted, time=times.time())
        ownership.write(self.kind, merged, [*others, mine])
        return merged

    def _shares(self, node: Node, live: Object | None) -> list[Share]:
        """Who owns what now; an object that nobody is known to own belongs to those before the first apply."""
        if live is None:
            return []
        everything = frozenset(fields.leaves(node, live))
        return ownership.shares(live) or [Share(ownership.BEFORE_APPLY, "Update", "", times.time(), everything)]

    def _config(self) -> Object:
        if self.subresource == "status":
            return {key: value for key, value in self.config.items() if key != "spec"}
        return {key: value for key, value in self.config.items() if key != "status" or not self.kind.status}

    def _wanted(self, node: Node) -> Fields:
        paths = fields.leaves(node, self._config())
        if self.subresource == "status":
            return frozenset(path for path in paths if path[0] == "f:status")
        return frozenset(paths)

    def _handed_over(self, node: Node, live: Object) -> Iterator[Path]:
        """What `kubectl apply` takes over from its own client-side form (`lastappliedmanager.go`)."""
        said = (live["metadata"].get("annotations") or {}).get(_LAST_APPLIED)
        if self.manager != "kubectl" or not said:
            return
        now = fields.leaves(node, live)
        for path, value in fields.leaves(node, _parsed(said)).items():
            if path in now and now[path] == value:
                yield path

    def _settle(self, others: list[Share], changed: Fields, free: Fields) -> list[Share]:
        """Conflicts are refused, but for those over `free` fields; or with `force` the others give the fields up."""
        conflicts = [(each, path) for each in others for path in sorted(each.owned & changed - free)]
        if conflicts and not self.force:
            raise self._conflict(conflicts)
        return [each.minus(changed) for each in others]

    def _conflict(self, conflicts: list[tuple[Share, Path]]) -> StatusError:
        causes = [
            {
                "reason": "FieldManagerConflict",
                "message": f"conflict with {self._owner(share)}",
                "field": fields.text(path),
            }
            for share, path in conflicts
        ]
        if len(conflicts) == 1:
            share, path = conflicts[0]
            message = f"Apply failed with 1 conflict: conflict with {self._owner(share)}: {fields.text(path)}"
            return StatusError(409, "Conflict", message, {"causes": causes})
        lines = []
        for owner in dict.fromkeys(self._owner(share) for share, _ in conflicts):
            lines.append(f"conflicts with {owner}:")
            lines += [f"- {fields.text(path)}" for share, path in conflicts if self._owner(share) == owner]
        message = f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)
        return StatusError(409, "Conflict", message, {"causes": causes})

    def _owner(self, share: Share) -> str:
        name = json.dumps(share.manager) + (f' with subresource "{share.subresource}"' if share.subresource else "")
        return f"{name} using {self.kind.api_version}" if share.operation == "Update" else name


def _parsed(text: str) -> Object:
    """An annotation's JSON object; anybody may have written it."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def _merge(node: Node, live: Any, config: Any) -> Any:
    if isinstance(config, dict) and isinstance(live, dict) and node.kind in ("struct", "map") and not node.atomic:
        merged = dict(live)
        for key, value in config.items():
            inside = schema.child(node, key) or ANY
            merged[key] = _merge(inside, live[key], value) if key in live else value
        return merged
    if isinstance(config, list) and isinstance(live, list) and node.kind == "list" and node.list_type != "atomic":
        return _merge_list(node, live, config)
    return config


def _merge_list(node: Node, live: list[Any], config: list[Any]) -> list[Any]:
    """The config's items in its order; an item that only the live list has stays behind the one before it."""
    existing = {fields.element(node, each): each for each in live}
    wanted = {fields.element(node, each): each for each in config}
    merged = {
        name: _merge(node.item or ANY, existing[name], each) if name in existing else each
        for name, each in wanted.items()
    }
    order = list(wanted)
    before = None
    for name in existing:
        if name not in wanted:
            order.insert(order.index(before) + 1 if before else 0, name)
        before = name
    return [merged[name] if name in merged else existing[name] for name in order]


def _prune(node: Node, value: Any, drop: Fields, held: Fields, path: Path) -> Any:
    """Without what the writer gave up and nobody holds any more; containers that this empties go too (None)."""
    if isinstance(value, dict) and node.kind in ("struct", "map") and not node.atomic:
        return _prune_map(node, value, drop, held, path)
    if isinstance(value, list) and node.kind == "list" and node.list_type != "atomic":
        return _prune_list(node, value, drop, held, path)
    return None if path in drop and path not in held else value


def _prune_map(node: Node, value: Object, drop: Fields, held: Fields, path: Path) -> Any:
    kept = {}
    for key, each in value.items():
        here = (*path, f"f:{key}")
        if here != _METADATA and _touched(here, drop) and not _touched(here, held):
            # Defaults below it are nobody's: they go with what they were made for (EnsureNamedFieldsAreMembers).
            continue
        rest = _prune(schema.child(node, key) or ANY, each, drop, held, here) if _touched(here, drop) else each
        if rest is not None:
            kept[key] = rest
    return kept if kept or (not value and path not in drop) else None


def _prune_list(node: Node, value: list[Any], drop: Fields, held: Fields, path: Path) -> Any:
    kept = []
    for each in value:
        here = (*path, fields.element(node, each))
        if here in drop and not _touched(here, held):
            continue
        inside = node.item or ANY
        rest = (
            _prune(inside, each, drop - {here}, held, here)
            if node.list_type == "map" and _touched(here, drop)
            else each
        )
        kept.append(rest if rest is not None else each)
    return kept or None


def _touched(path: Path, paths: Fields) -> bool:
    return any(each[: len(path)] == path for each in paths)
