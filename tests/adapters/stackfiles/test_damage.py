"""Whatever is in the files: problems are told, and nothing else ever comes out."""

from __future__ import annotations

import contextlib
import copy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.adapters.stackfiles import load_stack
from console.model.errors import StackFileError, UsageError
from tests.adapters.stackfiles.conftest import STACK, WEB, Shop

ROOT = Path(__file__).parents[3]
_SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_WORDS = ["web", "kind", "null", "{", "}", "[", "]", ": ", "- ", "\n", "  ", "&a ", "*a ", "|\n", "1", "'", '"', "<<"]
_WORDS += ["!!str ", "!!int ", "!!bool ", "---\n", "\t", "#"]
_VALUES: list[Any] = [None, "", 0, -1, 1.5, True, [], {}, "x", [None], [[]], [{}], {"a": None}, {"a": {}}, [1]]
_VALUES += ["a/b", "\u00fc" * 300, {"name": None}, {"name": []}, {"$patch": "delete"}, {"$patch": "x"}, 10**30]
_KEYS = ["name", "items", "spec", "data", "kind", "$patch", "x"]


@_SETTINGS
@given(
    at=st.integers(0, len(WEB) - 1),
    size=st.integers(0, 12),
    words=st.lists(st.sampled_from(_WORDS), max_size=6),
    stack=st.booleans(),
)
def test_damaged_text_is_told(shop: Shop, at: int, size: int, words: list[str], stack: bool) -> None:
    name, text = ("stack.yaml", STACK) if stack else ("k8s/web.yaml", WEB)
    at %= len(text)
    shop.write("stack.yaml", STACK)
    shop.write("k8s/web.yaml", WEB)
    shop.write(name, text[:at] + "".join(words) + text[at + size :])
    with contextlib.suppress(StackFileError, UsageError):
        assert shop.load().services


@pytest.fixture
def todo(tmp_path: Path) -> Path:
    """A copy of the reference stack; its file."""
    for name in ("k8s", "stacks/todo", "dockerfiles"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path / "stacks/todo/stack.yaml"


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every mapping or list in a value with each of its keys or indices."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield value, key
        yield from _places(child)


def _damage(document: Any, data: st.DataObject) -> None:
    """Changes one value anywhere: puts another one there, takes it away, renames its key, or repeats it."""
    places = list(_places(document))
    if not places:
        return
    holder, key = places[data.draw(st.integers(0, len(places) - 1))]
    way = data.draw(st.sampled_from(["put", "put", "remove", "rename"]))
    if way == "put":
        holder[key] = copy.deepcopy(data.draw(st.sampled_from(_VALUES)))
    elif way == "remove":
        del holder[key]
    elif isinstance(holder, dict):
        holder[data.draw(st.sampled_from(_KEYS))] = holder.pop(key)
    else:
        holder.append(copy.deepcopy(holder[key]))


@_SETTINGS
@given(data=st.data())
def test_a_damaged_reference_stack_is_told(todo: Path, data: st.DataObject) -> None:
    root = todo.parents[2]
    files = sorted(file for part in ("k8s/shared", "k8s/backend", "k8s/frontend") for file in (root / part).iterdir())
    files += [todo, todo, todo, *sorted(todo.parent.glob("production/*.yaml"))]
    file = data.draw(st.sampled_from(files))
    whole = file.read_text()
    documents = list(yaml.safe_load_all(whole))
    for _ in range(data.draw(st.integers(1, 3))):
        _damage(data.draw(st.sampled_from(documents)), data)
    try:
        file.write_text(yaml.safe_dump_all(documents))
        with contextlib.suppress(StackFileError, UsageError):
            assert load_stack(todo, data.draw(st.sampled_from(["sandbox", "production"]))).name
    finally:
        file.write_text(whole)
