"""Label and field selectors, from their text form and from their JSON form.

Grammar and texts: `k8s.io/apimachinery/pkg/labels`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.sandbox.api.errors import bad_request
from console.sandbox.api.resources import Object

_SETS = re.compile(r"^(?P<key>[\w./-]+)\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)$")
_EQUALITY = re.compile(r"^(?P<key>[\w./-]+)\s*(?P<operator>==|=|!=|>|<)\s*(?P<value>[\w.-]*)$")
_EXISTS = re.compile(r"^(?P<not>!?)\s*(?P<key>[\w./-]+)$")
_OUTSIDE_PARENTHESES = re.compile(r",(?![^()]*\))")

NAMES = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
"""The operators of `matchExpressions`."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One term: key, operator (`in`, `notin`, `exists`, `!`, `>`, `<`), values."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet this term; a missing key meets `notin` and `!`."""
        value = labels.get(self.key)
        if self.operator in ("notin", "!"):
            return value is None or (self.operator == "notin" and value not in self.values)
        if value is None:
            return False
        if self.operator in (">", "<"):
            return _compare(value, self.operator, self.values[0])
        return self.operator == "exists" or value in self.values


def _compare(value: str, operator: str, limit: str) -> bool:
    try:
        return int(value) > int(limit) if operator == ">" else int(value) < int(limit)
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Selector:
    """All terms must hold; without terms everything matches."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet every term."""
        return all(each.matches(labels) for each in self.requirements)

    @classmethod
    def parse(cls, text: str) -> Selector:
        """From a query's `labelSelector`, such as `app=todo,tier in (web, api),!canary`.

        Raises:
            StatusError: 400, the text is not a selector.
        """
        terms = (each.strip() for each in _OUTSIDE_PARENTHESES.split(text))
        return cls(tuple(_term(each) for each in terms if each))

    @classmethod
    def of(cls, selector: Mapping[str, Any] | None) -> Selector | None:
        """From an object's `matchLabels` / `matchExpressions`; None (no selector: nothing matches) stays None."""
        if selector is None:
            return None
        terms = [Requirement(key, "in", (value,)) for key, value in (selector.get("matchLabels") or {}).items()]
        for each in selector.get("matchExpressions") or ():
            terms.append(Requirement(each["key"], NAMES.get(each["operator"], "none"), tuple(each.get("values") or ())))
        return cls(tuple(terms))

    @classmethod
    def labels(cls, labels: Mapping[str, str]) -> Selector:
        """From a plain map, as Services have it."""
        return cls(tuple(Requirement(key, "in", (value,)) for key, value in labels.items()))

    def __str__(self) -> str:
        return ",".join(_text(each) for each in self.requirements)


def _text(term: Requirement) -> str:
    if term.operator in ("exists", "!"):
        return term.key if term.operator == "exists" else f"!{term.key}"
    if term.operator == "in" and len(term.values) == 1:
        return f"{term.key}={term.values[0]}"
    if term.operator in (">", "<"):
        return f"{term.key}{term.operator}{term.values[0]}"
    return f"{term.key} {term.operator} ({','.join(sorted(term.values))})"


def _term(text: str) -> Requirement:
    if found := _SETS.match(text):
        return Requirement(found["key"], found["operator"], tuple(each.strip() for each in found["values"].split(",")))
    if found := _EQUALITY.match(text):
        operator = {"=": "in", "==": "in", "!=": "notin"}.get(found["operator"], found["operator"])
        return Requirement(found["key"], operator, (found["value"],))
    if found := _EXISTS.match(text):
        return Requirement(found["key"], "!" if found["not"] else "exists")
    raise bad_request(f"unable to parse requirement: found '{text}', expected a label selector")


_META_FIELDS = {"metadata.name", "metadata.namespace"}
_FIELDS = {
    "pods": {
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    },
    "events": {
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    },
    "secrets": {"type"},
    "namespaces": {"status.phase"},
    "nodes": {"spec.unschedulable"},
    "replicasets": {"status.replicas"},
    "jobs": {"status.successful"},
    "services": {"spec.clusterIP", "spec.type"},
}


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """Terms on the few fields that a kind offers; all must hold."""

    terms: tuple[tuple[str, bool, str], ...] = ()

    @classmethod
    def parse(cls, resource: str, text: str) -> FieldSelector:
        """From a query's `fieldSelector`.

        Raises:
            StatusError: 400, not a selector, or a field that this kind does not offer.
        """
        terms = []
        for each in filter(None, text.split(",")):
            found = re.match(r"^([\w.]+)\s*(!=|==|=)\s*(.*)$", each)
            if not found:
                raise bad_request(f"invalid selector: '{text}'; can't understand '{each}'")
            field = found[1]
            if field not in _META_FIELDS | _FIELDS.get(resource, set()):
                raise bad_request(_unknown_field(resource, field))
            terms.append((field, found[2] != "!=", found[3]))
        return cls(tuple(terms))

    def matches(self, obj: Object) -> bool:
        """Whether the object meets every term; an absent field is the empty string."""
        return all((_field(obj, field) == value) is equal for field, equal, value in self.terms)


def _unknown_field(resource: str, field: str) -> str:
    if resource in _FIELDS:
        return f"field label not supported: {field}"
    return f'"{field}" is not a known field selector: only "metadata.name", "metadata.namespace"'


def _field(obj: Object, path: str) -> str:
    if path == "source":
        path = "source.component"
    value: Any = obj
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool) or path in ("spec.unschedulable", "spec.hostNetwork"):
        return "true" if value else "false"
    return "" if value is None else str(value)
