"""Rules for `metadata`, the same for every kind (`k8s.io/apimachinery/pkg/api/validation/objectmeta.go`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from console.sandbox.api.errors import FieldError, forbidden_field, invalid, required, too_long, unsupported
from console.sandbox.api.resources import Object, Resource
from console.sandbox.api.selectors import NAMES
from console.sandbox.api.validation import names

ANNOTATIONS_LIMIT = 256 * 1024
IMMUTABLE = "field is immutable"

_STANDARD_FINALIZERS = ("foregroundDeletion", "kubernetes", "orphan")
_NAME_RULES = {
    "namespaces": names.dns_label,
    "services": names.dns_1035_label,
    "roles": names.path_segment,
    "rolebindings": names.path_segment,
    "clusterroles": names.path_segment,
    "clusterrolebindings": names.path_segment,
}


def name(kind: Resource, metadata: Object) -> Iterator[FieldError]:
    """Name and namespace of a new object."""
    given, rule = metadata.get("name"), _NAME_RULES.get(kind.name, names.dns_subdomain)
    if prefix := metadata.get("generateName"):
        yield from (invalid("metadata.generateName", prefix, why) for why in rule(prefix.rstrip("-")))
    if not given:
        yield required("metadata.name", "name or generateName is required")
    else:
        yield from (invalid("metadata.name", given, why) for why in rule(given))
    if kind.namespaced and not metadata.get("namespace"):
        yield required("metadata.namespace")


def metadata(given: Object) -> Iterator[FieldError]:
    """Labels, annotations, owners, finalizers."""
    yield from labels(given.get("labels"), "metadata.labels")
    annotations = given.get("annotations") or {}
    yield from (
        invalid("metadata.annotations", key, why) for key in annotations for why in names.qualified_name(key.lower())
    )
    if sum(len(key) + len(value) for key, value in annotations.items()) > ANNOTATIONS_LIMIT:
        yield too_long("metadata.annotations", ANNOTATIONS_LIMIT)
    yield from _owners(given.get("ownerReferences") or [])
    for number, finalizer in enumerate(given.get("finalizers") or ()):
        yield from (invalid("metadata.finalizers", finalizer, why) for why in names.qualified_name(finalizer))
        if "/" not in finalizer and finalizer not in _STANDARD_FINALIZERS:
            why = "name is neither a standard finalizer name nor is it fully qualified"
            yield invalid(f"metadata.finalizers[{number}]", finalizer, why)


def _owners(given: list[Object]) -> Iterator[FieldError]:
    for owner in given:
        for field in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(field):
                yield invalid(f"metadata.ownerReferences.{field}", "", "must not be empty")
    controllers = [f"{each.get('kind')}/{each.get('name')}" for each in given if each.get("controller")]
    if len(controllers) > 1:
        why = 'Only one reference can have Controller set to true. Found "true" in references for '
        yield invalid("metadata.ownerReferences", given, why + " and ".join(controllers[:2]))


def labels(given: Mapping[str, str] | None, path: str) -> Iterator[FieldError]:
    """Keys and values of labels."""
    for key, value in (given or {}).items():
        yield from (invalid(path, key, why) for why in names.qualified_name(key))
        yield from (invalid(path, value, why) for why in names.label_value(value))


def selector(given: Mapping[str, Any] | None, path: str) -> Iterator[FieldError]:
    """`matchLabels` and `matchExpressions`."""
    yield from labels((given or {}).get("matchLabels"), f"{path}.matchLabels")
    for number, each in enumerate((given or {}).get("matchExpressions") or ()):
        here = f"{path}.matchExpressions[{number}]"
        operator, values = each.get("operator"), each.get("values")
        if operator not in NAMES:
            yield invalid(f"{here}.operator", operator or "", "not a valid selector operator")
        elif operator in ("In", "NotIn") and not values:
            yield required(f"{here}.values", "must be specified when `operator` is 'In' or 'NotIn'")
        elif operator in ("Exists", "DoesNotExist") and values:
            why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            yield forbidden_field(f"{here}.values", why)
        yield from (
            invalid(f"{here}.key", each.get("key", ""), why) for why in names.qualified_name(each.get("key", ""))
        )


def update(new: Object, old: Object) -> Iterator[FieldError]:
    """What may not change; and while an object is being deleted no finalizer may be added."""
    if old.get("deletionTimestamp"):
        added = set(new.get("finalizers") or ()) - set(old.get("finalizers") or ())
        if added:
            listed = " ".join(f'"{each}"' for each in sorted(added))
            why = "no new finalizers can be added if the object is being deleted, found new finalizers []string{"
            yield forbidden_field("metadata.finalizers", f"{why}{listed.replace(' ', ', ')}}}")


def non_negative(obj: Object, path: str, *fields: str) -> Iterator[FieldError]:
    """Numbers that may be zero but not less."""
    for field in fields:
        value = obj.get(field)
        if isinstance(value, int) and value < 0:
            yield invalid(f"{path}.{field}", value, "must be greater than or equal to 0")


def one_of(obj: Object, path: str, field: str, *supported: str) -> Iterator[FieldError]:
    """A field with a closed list of values."""
    value = obj.get(field)
    if value is not None and value not in supported:
        yield unsupported(f"{path}.{field}", value, supported)
