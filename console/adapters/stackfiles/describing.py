"""The stack file against its model: what pydantic finds wrong, in plain words and at its place."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from console.adapters.stackfiles.positions import Document, Path
from console.model.errors import Problem

M = TypeVar("M", bound=BaseModel)

_EXPECTED = {
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "bool_type": "true or false",
    "int_type": "a whole number",
}
_NAME = "lower-case letters, digits and dashes, 63 at the most"
_TAGS = ("sandbox", "kubernetes")


def described(document: Document, model: type[M], problems: list[Problem]) -> M | None:
    """The file as the model has it; None if something is wrong, which goes to `problems`."""
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        found = [_problem(document, model, each) for each in error.errors(include_url=False)]
        problems += dict.fromkeys(found)
        return None


def _problem(document: Document, model: type[BaseModel], error: Any) -> Problem:
    kind, path = error["type"], _path(document.data, error["loc"])
    name = str(path[-1]) if path else ""
    if kind == "extra_forbidden":
        close = get_close_matches(name, _fields(model, path[:-1], document.data), n=1)
        where = f" in {_text(path[:-1])}" if len(path) > 1 else ""
        nearest = close[0] if close else ""
        return document.problem(path, f"unknown key {name!r}{where}", at_key=True, nearest=nearest)
    if kind == "missing":
        holder = _text(path[:-1]) or "the stack"
        return document.problem(path[:-1], f"{holder} lacks the key {name!r}", at_key=True)
    at_key = error["loc"][-1:] == ("[key]",)
    return document.problem(path, *_words(error, path), at_key=at_key, **_more(document, error, path))


def _words(error: Any, path: Path) -> tuple[str]:
    kind = error["type"]
    if kind == "union_tag_not_found":
        return (f"{_text(path)} lacks the key 'kind'",)
    if kind == "string_pattern_mismatch":
        return (f"{_text(path)} is no valid name",)
    if kind in _EXPECTED:
        return (f"{_text(path) or 'the file'} has a value of the wrong type",)
    if kind == "value_error":
        return (f"{_text(path)}: {error['ctx']['error']}",)
    return (f"{_text(path)} has a value that is not allowed",)


def _more(document: Document, error: Any, path: Path) -> dict[str, str]:
    kind, context = error["type"], error.get("ctx", {})
    found = str(error["input"]) if not isinstance(error["input"], dict | list) else ""
    more = {"offending": document.written.get(path, found)} if found or path in document.written else {}
    if kind in _EXPECTED:
        return {**more, "expected": _EXPECTED[kind]}
    if kind in ("string_pattern_mismatch", "string_too_long"):
        return {**more, "expected": _NAME}
    if kind == "literal_error":
        allowed = [word.strip("' ") for word in context["expected"].replace(" or ", ",").split(",")]
        close = get_close_matches(found, allowed, n=1)
        return {**more, "expected": " or ".join(allowed), "nearest": close[0] if close else ""}
    if kind == "union_tag_invalid":
        close = get_close_matches(str(context["tag"]), _TAGS, n=1)
        return {
            "offending": str(context["tag"]),
            "expected": "kind: sandbox or kubernetes",
            "nearest": close[0] if close else "",
        }
    return more if kind == "value_error" else {**more, "expected": _plain(error["msg"])}


def _plain(message: str) -> str:
    return message.replace("String", "text").replace("Dictionary", "a mapping").replace("Input", "a value")


def _path(data: Any, location: tuple[str | int, ...]) -> Path:
    """Pydantic's location without the words that are not in the file: tags of unions, `[key]`."""
    path: list[str | int] = []
    for step in location:
        inside = (isinstance(data, dict) and step in data) or (
            isinstance(data, list) and isinstance(step, int) and step < len(data)
        )
        if inside:
            data = _child(data, step)
        elif step == "[key]" or (step in _TAGS and isinstance(data, dict) and data.get("kind") == step):
            continue
        path.append(step)
    return tuple(path)


def _fields(model: type[BaseModel], path: Path, data: Any) -> list[str]:
    """The keys that are known at a place."""
    schema = model.model_json_schema(by_alias=True)
    node: Any = schema
    for step in path:
        data = _child(data, step)
        node = _below(schema, node, step, data)
    return list(_resolved(schema, node, data).get("properties", ()))


def _child(data: Any, step: Any) -> Any:
    return data[step] if isinstance(data, dict | list) else None


def _below(schema: Any, node: Any, step: str | int, data: Any) -> Any:
    node = _resolved(schema, node, None)
    if isinstance(step, int):
        return node.get("items", {})
    found = node.get("properties", {}).get(step) or node.get("additionalProperties") or {}
    if not found:
        found = next(iter(node.get("patternProperties", {}).values()), {})
    return _resolved(schema, found, data)


def _resolved(schema: Any, node: Any, data: Any) -> Any:
    if isinstance(node, dict) and "$ref" in node:
        return schema["$defs"][node["$ref"].rpartition("/")[2]]
    if isinstance(node, dict) and "discriminator" in node:
        reference = node["discriminator"]["mapping"].get((data or {}).get("kind", ""), "")
        return schema["$defs"].get(reference.rpartition("/")[2], {})
    options = node.get("anyOf", ()) if isinstance(node, dict) else ()
    return next((_resolved(schema, each, data) for each in options if each.get("type") != "null"), node)


def _text(path: Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
