"""Puts a value into a manifest where it stands, and leaves every other character of the file as it is."""

from __future__ import annotations

from typing import Any

from console.model.fields import Path, concrete

Scalar = str | float | bool


def with_value(text: str, line: int, path: Path, was: Scalar, now: Scalar) -> str | None:
    """The text with one value in place of another; None where the value is not written there.

    Args:
        text: of a file of manifests.
        line: a line of the document, as the manifest's place tells it (from 1).
        path: the field in the object.
        was: what must stand there.
        now: what shall.
    """
    import yaml

    nodes = [node for node in yaml.compose_all(text, yaml.CSafeLoader) if node is not None]
    node = next((each for each in nodes if each.start_mark.line < line <= each.end_mark.line + 1), None)
    found = _scalar(node, path) if node else None
    if found is None or "\n" in f"{was}{now}" or yaml.safe_load(text[_span(found)]) != was:
        return None
    start, end = found.start_mark.index, found.end_mark.index
    return f"{text[:start]}{_written(now, found.style)}{text[end:]}"


def _span(node: Any) -> slice:
    return slice(node.start_mark.index, node.end_mark.index)


def _scalar(node: Any, path: Path) -> Any:
    """The node of a plain value at a path; None where there is none."""
    import yaml

    steps = concrete(yaml.CSafeLoader("").construct_document(node), path)
    for step in steps or ():
        if isinstance(step, int):
            node = node.value[step]
        else:
            node = next(value for key, value in node.value if key.value == step)
    return node if steps and isinstance(node, yaml.ScalarNode) and node.style not in {"|", ">"} else None


def _written(value: Scalar, style: str | None) -> str:
    import yaml

    quoted = style if isinstance(value, str) else None
    return yaml.safe_dump(value, default_style=quoted, width=10**6).removesuffix("\n...\n").rstrip("\n")
