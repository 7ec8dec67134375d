"""YAML with positions: plain values, and where each of them and each key stands. One reading, nothing guessed later.

Values are what Kubernetes' own reader makes of them (YAML 1.1 scalars; dates stay text).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any, NamedTuple

from console.model.errors import Problem

Path = tuple[str | int, ...]
_TOO_MANY = 200_000
"""Values in one document: more are an alias that multiplies itself."""
_TOO_DEEP = 100
_SCALARS = {"null", "bool", "int", "float"}
_HOLDS_SECRET = re.compile(r"""kind["']?\s*:\s*["']?Secret\b""")
"""Lines of such files are never repeated in a message."""


class Mark(NamedTuple):
    """A place in a file; line and column count from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Document:
    """One YAML document.

    Attributes:
        file: as it is shown to people.
        data: its value.
        values: where each value stands, by path.
        keys: where the key of each value stands.
        written: scalars as they are written.
    """

    file: str
    data: Any = None
    values: dict[Path, Mark] = field(default_factory=dict)
    keys: dict[Path, Mark] = field(default_factory=dict)
    written: dict[Path, str] = field(default_factory=dict)

    def mark(self, path: Path, *, at_key: bool = False) -> Mark:
        """Where a value stands, or its key; of what is not there, the innermost that holds it."""
        found = self.keys.get(path) if at_key else None
        while found is None and path:
            found = self.values.get(path)
            path = path[:-1]
        return found or self.values.get((), Mark(1, 1))

    def problem(
        self,
        path: Path,
        message: str,
        *,
        at_key: bool = False,
        offending: str = "",
        expected: str = "",
        nearest: str = "",
    ) -> Problem:
        """A problem at a place of this document."""
        line, column = self.mark(path, at_key=at_key)
        return Problem(self.file, line, column, message, offending, expected, nearest)


def read_documents(file: File, shown: str, problems: list[Problem]) -> list[Document]:
    """The documents of a file that are not empty; what is wrong with it as YAML goes to `problems`."""
    import yaml

    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        problems.append(Problem(shown, 1, 1, f"the file cannot be read: {error.strerror}"))
        return []
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problems.append(Problem(shown, line, 1, "the file is not UTF-8 text", expected="YAML in UTF-8"))
        return []
    loader = yaml.CSafeLoader(text)
    found = []
    try:
        _check_depth(text)
        while loader.check_node():
            found.append(_Reader(shown, loader, problems).read(loader.get_node()))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        problems.append(_no_yaml(shown, text, error))
    finally:
        loader.dispose()
    return [document for document in found if document.data is not None]


def _check_depth(text: str) -> None:
    """Refuses what is nested deeper than libyaml can build without running out of stack."""
    import yaml

    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _TOO_DEEP:
                mark: Any = event.start_mark
                raise yaml.MarkedYAMLError(problem=f"nested deeper than {_TOO_DEEP}", problem_mark=mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _no_yaml(shown: str, text: str, error: Exception) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return Problem(shown, 1, 1, f"no valid YAML: {getattr(error, 'reason', 'it cannot be read')}")
    begun = getattr(error, "context_mark", None) or mark
    lines = text.splitlines()[begun.line : mark.line + 1]
    template = next((index for index, line in enumerate(lines) if "{{" in line or "{%" in line), None)
    if template is not None:
        return _template(shown, begun.line + 1 + template, lines[template], _quoted(text, lines[template]))
    context = getattr(error, "context", None)
    why = f"{context + ', ' if context else ''}{getattr(error, 'problem', None) or 'it cannot be read'}"
    offending = _quoted(text, lines[-1] if lines else "")
    return Problem(shown, mark.line + 1, mark.column + 1, f"no valid YAML: {why}", offending)


def _quoted(text: str, line: str) -> str:
    return "" if _HOLDS_SECRET.search(text) else line.strip()[:60]


def _template(shown: str, line: int, text: str, offending: str) -> Problem:
    expected = "plain YAML: templates are not filled in; `config` and `patches` of a target change what differs"
    column = max(text.find("{{"), text.find("{%")) + 1
    return Problem(shown, line, column, "this looks like a template", offending, expected)


class _Reader:
    """Reads one document: the tree of nodes becomes values, each with its place."""

    def __init__(self, shown: str, loader: Any, problems: list[Problem]) -> None:
        self._document = Document(shown)
        self._loader = loader
        self._problems = problems
        self._open: set[int] = set()
        self._count = 0

    def read(self, node: Any) -> Document:
        self._document.data = self._value(node, ())
        return self._document

    def _value(self, node: Any, path: Path) -> Any:
        import yaml

        self._count += 1
        if id(node) in self._open or self._count > _TOO_MANY:
            raise yaml.constructor.ConstructorError(None, None, "an alias contains itself", node.start_mark)
        self._document.values[path] = _mark(node)
        if isinstance(node, yaml.ScalarNode):
            self._document.written[path] = node.value
            return self._scalar(node)
        self._open.add(id(node))
        found: Any = (
            self._mapping(node, path)
            if isinstance(node, yaml.MappingNode)
            else [self._value(each, (*path, index)) for index, each in enumerate(node.value)]
        )
        self._open.discard(id(node))
        return found

    def _mapping(self, node: Any, path: Path) -> dict[str, Any]:
        import yaml

        written: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag.endswith(":merge"):
                merged |= self._merged(value_node, path)
                continue
            if not isinstance(key_node.value, str):
                raise yaml.constructor.ConstructorError(None, None, "a key must be text", key_node.start_mark)
            key = key_node.value
            here = (*path, key)
            if key in written:
                line, column = _mark(key_node)
                first = self._document.keys[here].line
                message = f"the key {key!r} stands here twice, first in line {first}"
                self._problems.append(Problem(self._document.file, line, column, message))
                continue
            self._document.keys[here] = _mark(key_node)
            written[key] = self._value(value_node, here)
        return merged | written

    def _merged(self, node: Any, path: Path) -> dict[str, Any]:
        """What `<<` brings in: a mapping, or a list of them of which the first wins."""
        import yaml

        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        found: dict[str, Any] = {}
        for each in nodes:
            if not isinstance(each, yaml.MappingNode):
                raise yaml.constructor.ConstructorError(None, None, "`<<` takes mappings", each.start_mark)
            found = self._mapping(each, path) | found
        return found

    def _scalar(self, node: Any) -> Any:
        import yaml

        kind = node.tag.rpartition(":")[2]
        # 12:30 is a number to base 60 for PyYAML, but text for Kubernetes' reader.
        if kind not in _SCALARS or (kind in ("int", "float") and ":" in node.value):
            return node.value
        try:
            return self._loader.construct_object(node)
        except (ValueError, LookupError, OverflowError) as error:
            message = f"this is no {kind}"
            raise yaml.constructor.ConstructorError(None, None, message, node.start_mark) from error


def _mark(node: Any) -> Mark:
    return Mark(node.start_mark.line + 1, node.start_mark.column + 1)


def paths(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value below a value with its path, itself first."""
    yield path, value
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, child in children:
        yield from paths(child, (*path, step))
