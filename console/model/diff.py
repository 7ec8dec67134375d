"""What an apply changes in an object, field by field, as people read it. Noise is hidden, Secrets are masked.

Values are redacted before they are shortened or split into lines: half a secret is still one.
"""

from __future__ import annotations

import base64
import difflib
import json
import re
from collections.abc import Callable, Iterator

from console.model.fields import MISSING, Difference, Path, differences, leaves, lookup, path_text
from console.model.plan import ChangeKind, FieldChange
from console.model.quantity import parse_quantity
from console.model.redaction import MASK
from console.model.stack import JSON, RELEASE_ANNOTATION

_LONGEST = 120
_MOST_LINES = 20
_NOISE = frozenset({"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"})
_NOISY_ANNOTATIONS = frozenset(
    {RELEASE_ANNOTATION, "kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision"}
)
_IDENTITY = frozenset({("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")})
_QUANTITIES = frozenset({"requests", "limits", "hard", "capacity", "sizeLimit", "averageValue"})
# Text that YAML would read as something else (yaml.org, 1.1 and 1.2: numbers, truth values, null, indicators).
_QUOTED = re.compile(
    r"|[-+.]?\d[\d_.:eExXoa-fA-F+-]*|true|false|yes|no|on|off|y|n|null|~|[-?:,\[\]{}#&*!|>'\"%@`\s].*|.*(: | #|\s$).*",
    re.IGNORECASE,
)


def object_differences(declared: JSON, live: JSON | None, result: JSON | None) -> Iterator[Difference]:
    """The fields that an apply would change.

    Args:
        declared: what would be sent.
        live: what is there, None for a new object: then every declared field differs.
        result: what a dry run makes of it; None where there was none: then declared fields only are compared.
    """
    wanted = clean(declared)
    if live is None or result is None:
        yield from _declared_only(wanted, clean(live or {}))
        return
    for difference in differences(clean(live), clean(result)):
        if difference.before is not MISSING:
            yield difference
            continue
        for path, value in leaves(difference.after, difference.path):
            # What nobody declared is a default of the API server.
            if lookup(wanted, path) is not MISSING:
                yield Difference(path, MISSING, value)


def clean(body: JSON) -> JSON:
    """A copy without what the API server keeps for itself; `stringData` of a Secret is in `data`."""
    kept = {key: value for key, value in body.items() if key not in {"status", "stringData"}}
    if "metadata" in body:
        kept["metadata"] = _clean_metadata(body["metadata"])
    if body.get("stringData"):
        plain = {key: base64.b64encode(str(value).encode()).decode() for key, value in body["stringData"].items()}
        kept["data"] = {**(body.get("data") or {}), **plain}
    return kept


def field_changes(difference: Difference, sensitive: bool, redact: Callable[[str], str]) -> Iterator[FieldChange]:
    """A difference as people read it; text of several lines gives a change for every group of lines that differ."""
    path = path_text(difference.path)
    kind = _kind(difference)
    if sensitive and difference.path[:1] == ("data",):
        yield from _masked(difference, kind)
    elif _is_text(difference.before) and _is_text(difference.after):
        yield from _line_changes(path, redact(str(difference.before)), redact(str(difference.after)))
    else:
        before, after = (_shown(value, redact) for value in (difference.before, difference.after))
        yield FieldChange(path, kind, before, f"{after} (changed)" if before == after else after)


def _clean_metadata(metadata: JSON) -> JSON:
    kept = {key: value for key, value in metadata.items() if key not in _NOISE}
    annotations = kept.pop("annotations", None) or {}
    told = {key: value for key, value in annotations.items() if key not in _NOISY_ANNOTATIONS}
    return kept | ({"annotations": told} if told else {})


def _declared_only(wanted: JSON, live: JSON) -> Iterator[Difference]:
    for path, value in leaves(wanted):
        before = lookup(live, path)
        if path not in _IDENTITY and not _same(path, before, value):
            yield Difference(path, before, value)


def _same(path: Path, live: object, declared: object) -> bool:
    if live == declared:
        return True
    number = parse_quantity(declared) if not _QUANTITIES.isdisjoint(path) else None
    return number is not None and number == parse_quantity(live)


def _kind(difference: Difference) -> ChangeKind:
    if difference.before is MISSING:
        return ChangeKind.CREATE
    return ChangeKind.DELETE if difference.after is MISSING else ChangeKind.UPDATE


def _masked(difference: Difference, kind: ChangeKind) -> Iterator[FieldChange]:
    whole = difference.after if difference.before is MISSING else difference.before
    before = "" if kind is ChangeKind.CREATE else MASK
    after = {ChangeKind.CREATE: MASK, ChangeKind.DELETE: ""}.get(kind, f"{MASK} (changed)")
    for path, _ in leaves(whole, difference.path):
        yield FieldChange(path_text(path), kind, before, after)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and "\n" in value


def _line_changes(path: str, before: str, after: str) -> Iterator[FieldChange]:
    old, new = before.splitlines(), after.splitlines()
    if old == new:
        # Only what is masked differs, or the end of the last line.
        yield FieldChange(path, ChangeKind.UPDATE, f"{len(old)} lines", f"{len(new)} lines (changed)")
    kinds = {"insert": ChangeKind.CREATE, "delete": ChangeKind.DELETE, "replace": ChangeKind.UPDATE}
    for tag, i, i_end, j, j_end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            yield FieldChange(f"{path}:{j + 1}", kinds[tag], _lines(old[i:i_end]), _lines(new[j:j_end]))


def _lines(lines: list[str]) -> str:
    more = [f"… {len(lines) - _MOST_LINES} more lines"] if len(lines) > _MOST_LINES else []
    return "\n".join([*(_shortened(line) for line in lines[:_MOST_LINES]), *more])


def _shown(value: object, redact: Callable[[str], str]) -> str:
    if value is MISSING:
        return ""
    if isinstance(value, str) and "\n" in value:
        return _lines(redact(value).splitlines())
    if isinstance(value, str):
        return _shortened(_quoted(redact(value)))
    return _shortened(redact(json.dumps(value, ensure_ascii=False)))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if _QUOTED.fullmatch(text) else text


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
