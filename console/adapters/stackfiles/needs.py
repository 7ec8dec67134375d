"""What objects need of others: a key that is certainly missing is wrong; what the cluster may hold is a warning."""

from __future__ import annotations

from console.adapters.stackfiles.checks import Checked
from console.adapters.stackfiles.objects import Object
from console.adapters.stackfiles.positions import Path as Steps
from console.adapters.stackfiles.positions import paths
from console.model.declare import is_open
from console.model.references import Reference, Use, references

_HOLDERS = {"configMapKeyRef", "secretKeyRef", "configMapRef", "secretRef", "configMap", "secret"}
_FIELDS = {"claimName", "ingressClassName", "priorityClassName", "secretName", "serviceAccountName", "storageClassName"}


def check_needs(checked: Checked, each: Object) -> None:
    """Looks at everything that an object names, except what it can do without."""
    for reference in references(each.body):
        ref = reference.ref
        if reference.optional or ref.name.startswith("system-"):
            continue
        found = checked.find(ref.kind, ref.name, ref.namespace)
        if found is not None:
            _key(checked, each, reference, found)
        elif not (ref.kind == "Secret" and any(secret == ref.name for secret, _ in checked.secrets)):
            names = [one.name for one in checked.objects if one.kind == ref.kind]
            message = f"{each.title}: {ref.kind} {ref.name!r} is not part of this stack; the cluster must have it"
            nearest = checked.nearest(ref.name, names)
            checked.doubt(each, _place(each, reference), message, ref, nearest=nearest)


def _key(checked: Checked, each: Object, reference: Reference, found: Object) -> None:
    key = reference.key
    known = [name for part in ("data", "binaryData", "stringData") for name in found.body.get(part) or ()]
    if key and key not in known and (found.name, key) not in checked.secrets and not is_open(found.body):
        message = f"{each.title}: {found.title} has no key {key!r}"
        checked.wrong(each, _place(each, reference), message, key, known)


def _place(each: Object, reference: Reference) -> Steps:
    """Where the object that is needed, or the key of it, is named."""
    whole = reference.use not in (Use.ENVIRONMENT, Use.VOLUME)
    for path, value in paths(each.body):
        if value == reference.ref.name and isinstance(path[-1], str) and (path[-1] in _FIELDS or _names(path, whole)):
            key = _key_below(each, path[:-1], reference.key)
            if key is not None:
                return key or path
    return ("metadata", "name")


def _names(path: Steps, whole: bool) -> bool:
    """Whether the last step of a path, `name`, names an object that is needed."""
    return path[-1] == "name" and (path[-2] in _HOLDERS or (whole and "imagePullSecrets" in path))


def _key_below(each: Object, holder: Steps, key: str) -> Steps | None:
    """Where a key is named beside the name of its object; empty without a key, None if it is another key."""
    if not key:
        return ()
    value = each.value(holder)
    found = ((*holder, *path) for path, one in paths(value) if path[-1:] == ("key",) and one == key)
    return next(found, None)
