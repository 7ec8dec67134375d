"""What a target changes: values of ConfigMaps, and strategic merge patches that find their object by kind and name.

Lists merge by the keys of the API's own schema (kubernetes.io, "Update API Objects in Place Using kubectl patch").
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from console.adapters.stackfiles import kubernetes
from console.adapters.stackfiles.checks import secret_values
from console.adapters.stackfiles.objects import Object, faults, told
from console.adapters.stackfiles.positions import Document, paths
from console.adapters.stackfiles.positions import Path as Steps
from console.model.errors import Problem

_DIRECTIVE = "$patch"
_DIRECTIVES = ("delete", "merge", "replace")


def apply_config(
    config: dict[str, dict[str, str]], objects: Sequence[Object], document: Document, at: Steps
) -> list[Problem]:
    """Puts a target's values into ConfigMaps; what is wrong with them.

    Args:
        config: values by key, by service or `configmap/NAME`.
        objects: of the stack; they are changed.
        document: where the values stand, at the path `at`.
        at: the path of `config`.
    """
    problems = []
    maps = [each for each in objects if each.native and each.kind == "ConfigMap"]
    for owner, values in config.items():
        kind, _, name = owner.rpartition("/")
        mine = [each for each in maps if (each.name == name if kind else each.service == owner)]
        if not mine:
            problems.append(_no_map(owner, maps, document, (*at, owner)))
            continue
        for key, value in values.items():
            holders = [each for each in mine if key in (each.body.get("data") or {})]
            for each in holders:
                each.body["data"][key] = value
            if not holders:
                problems.append(_no_key(key, mine, document, (*at, owner, key)))
    return problems


def _no_map(owner: str, maps: Sequence[Object], document: Document, at: Steps) -> Problem:
    names = sorted({each.service for each in maps if each.service} | {each.title for each in maps})
    close = get_close_matches(owner, names, n=1)
    nearest = close[0] if close else ""
    return document.problem(at, f"{owner!r} has no ConfigMap in this stack", at_key=True, nearest=nearest)


def _no_key(key: str, maps: Sequence[Object], document: Document, at: Steps) -> Problem:
    keys = [each for one in maps for each in one.body.get("data") or ()]
    close = get_close_matches(key, keys, n=1)
    titles = " and ".join(each.title for each in maps)
    message = f"no key {key!r} in {titles}"
    return document.problem(at, message, at_key=True, nearest=close[0] if close else "")


def apply_patch(patch: Object, objects: list[Object], *, complete: bool) -> list[Problem]:
    """Merges a patch into the object that it means, or takes that away; what is wrong with it.

    Args:
        patch: at least its kind and name.
        objects: of the stack; they are changed.
        complete: whether these are all, so that one that is not there is certainly not.
    """
    wrong = [*_wrong_directives(patch), *secret_values(patch)]
    found = next((each for each in objects if _meant(patch, each)), None)
    if found is None and complete:
        names = [each.name for each in objects if each.kind == patch.kind]
        nearest = next(iter(get_close_matches(patch.name, names, n=1)), "")
        message = f"the patch means {patch.title}, which this stack does not have"
        wrong.append(patch.problem(("metadata", "name"), message, nearest=nearest))
    if wrong or found is None:
        return wrong
    if patch.body.get(_DIRECTIVE) == "delete":
        objects[:] = [each for each in objects if each is not found]
        return []
    return _merge_into(found, patch)


def _meant(patch: Object, each: Object) -> bool:
    same = (each.kind, each.name) == (patch.kind, patch.name)
    return same and ("apiVersion" not in patch.body or patch.group == each.group)


def _wrong_directives(patch: Object) -> list[Problem]:
    wrong = [
        (path, str(value))
        for path, value in paths(patch.body)
        if path[-1:] == (_DIRECTIVE,) and value not in _DIRECTIVES
    ]
    expected = " or ".join(_DIRECTIVES)
    return [
        patch.problem(path, "this does not say what the patch does", offending=value, expected=expected)
        for path, value in wrong
    ]


def _merge_into(found: Object, patch: Object) -> list[Problem]:
    kind = kubernetes.root(found.body["apiVersion"], found.kind) if found.native else "any"
    wrong = [told(patch, fault) for fault in kubernetes.faults(patch.body, kind) if not _harmless(fault)]
    if wrong:
        return wrong
    found.body = merged(found.body, patch.body, kind)
    found.patch = patch
    # What the patch takes away may be missing now.
    return [patch.problem((), f"after this patch {found.title} is wrong: {fault.message}") for fault in faults(found)]


def _harmless(fault: kubernetes.Fault) -> bool:
    """What is no fault in a part of an object."""
    return fault.missing or fault.path[-1:] == (_DIRECTIVE,)


def merged(body: Any, patch: Any, kind: Any) -> Any:
    """The value after a strategic merge patch: mappings merge, null takes away, lists merge by their key or replace."""
    if isinstance(patch, dict) and isinstance(body, dict) and patch.get(_DIRECTIVE) != "replace":
        result = dict(body)
        for key, value in patch.items():
            if value is None or (isinstance(value, dict) and value.get(_DIRECTIVE) == "delete"):
                result.pop(key, None)
            elif key != _DIRECTIVE:
                result[key] = merged(result.get(key), value, kubernetes.field_type(kind, key))
        return result
    if isinstance(patch, list) and isinstance(kind, dict) and kind.get("key"):
        return _merged_list(body or [], patch, kind)
    return _without_directives(patch)


def _merged_list(body: list[Any], patch: list[Any], kind: Any) -> list[Any]:
    if {_DIRECTIVE: "replace"} in patch:
        return [_without_directives(item) for item in patch if item != {_DIRECTIVE: "replace"}]
    key, result = kind["key"], list(body)
    for item in patch:
        if not isinstance(item, dict):
            result += [item] if item not in result else []
            continue
        index = next((i for i, each in enumerate(result) if each.get(key) == item.get(key)), None)
        if item.get(_DIRECTIVE) == "delete":
            result = [each for each in result if each.get(key) != item.get(key)]
        elif index is None:
            result.append(_without_directives(item))
        else:
            result[index] = merged(result[index], item, kind["list"])
    return result


def _without_directives(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_directives(each) for key, each in value.items() if key != _DIRECTIVE and each is not None}
    if isinstance(value, list):
        return [
            _without_directives(each) for each in value if not (isinstance(each, dict) and set(each) == {_DIRECTIVE})
        ]
    return copy.copy(value)
