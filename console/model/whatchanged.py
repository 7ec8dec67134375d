"""What a release changed, in a few words for each service: what an operator suspects first. Never a value."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from console.model.diff import clean
from console.model.fields import MISSING, Difference, differences, path_text
from console.model.plan import ObjectRef
from console.model.references import references
from console.model.release import Release
from console.model.stack import CHECKSUM_ANNOTATION, JSON, SERVICE_LABEL

_MOST = 3
_BORING = (CHECKSUM_ANNOTATION, "metadata.")


def what_changed(new: Release, old: Release) -> dict[str, str]:
    """By service, what differs between two releases, like `release 7: ConfigMap ai-agent lost data.MCP_URL`.

    Shared configuration counts for every service that reads it.
    """
    told: defaultdict[str, list[str]] = defaultdict(list)
    readers = _readers(new)
    for body in new.objects:
        ref = _ref(body)
        words = list(_words(body, old.object(ref)))
        service = _service(body)
        for each in {service} - {""} or readers.get(ref, set()):
            told[each] += words
    return {service: _sentence(new.number, words) for service, words in told.items() if words}


def _words(body: JSON, before: JSON | None) -> Iterator[str]:
    name = f"{body['kind']} {body['metadata']['name']}"
    if before is None:
        yield f"{name} is new"
        return
    for each in differences(clean(before), clean(body)):
        path = path_text(each.path)
        if not any(part in path for part in _BORING):
            yield f"{name} {_verb(each)} {path}"


def _verb(difference: Difference) -> str:
    if difference.before is MISSING:
        return "got"
    return "lost" if difference.after is MISSING else "changed"


def _sentence(number: int, words: list[str]) -> str:
    more = f" and {len(words) - _MOST} more" if len(words) > _MOST else ""
    return f"release {number}: {', '.join(words[:_MOST])}{more}"


def _readers(release: Release) -> dict[ObjectRef, set[str]]:
    """By ConfigMap and Secret, the services that read it."""
    found: defaultdict[ObjectRef, set[str]] = defaultdict(set)
    for body in release.objects:
        for each in references(body):
            found[each.ref].add(_service(body))
    return {ref: services - {""} for ref, services in found.items()}


def _service(body: JSON) -> str:
    return str((body["metadata"].get("labels") or {}).get(SERVICE_LABEL, ""))


def _ref(body: JSON) -> ObjectRef:
    meta = body["metadata"]
    return ObjectRef(body["apiVersion"], body["kind"], meta.get("namespace", ""), meta["name"])
