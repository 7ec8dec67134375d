"""The values of a ConfigMap as YAML that people edit: one key a line, texts of several lines as blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.model.errors import UsageError


def values_text(values: Mapping[str, str]) -> str:
    """The values as YAML."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes texts of several lines as they are."""

    def text(dumper: Any, value: str) -> Any:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    if not values:
        return "{}\n"
    written: str = yaml.dump(
        dict(values), Dumper=Dumper, default_flow_style=False, allow_unicode=True, sort_keys=False, width=10_000
    )
    return written


def read_values(text: str) -> dict[str, str]:
    """The values in such a text; everything is text, `80` and `true` too.

    Raises:
        UsageError: it is no YAML, or no plain mapping; with line and column.
    """
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise _wrong(getattr(error, "problem", None) or "it is no YAML", mark) from error
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise _wrong("it is no mapping of keys to values", node.start_mark)
    values: dict[str, str] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or not isinstance(value, yaml.ScalarNode):
            raise _wrong("values are text: put it in quotes, or in a block that begins with |", value.start_mark)
        if key.value in values:
            raise _wrong(f"{key.value} is there twice", key.start_mark)
        values[key.value] = value.value
    return values


def _wrong(what: str, mark: Any) -> UsageError:
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return UsageError(what, where=where)
