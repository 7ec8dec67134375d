"""The JSON of stdout: facts and values by one generic rule, under names that stay (docs/commands.md).

Version 1. Fields may be added; none goes, and none changes its meaning, without a new version.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, get_args

from console.model.events import Fact
from console.model.outcome import Outcome
from console.model.run import Verdict

VERSION = 1

Redact = Callable[[str], str]


def type_name(fact: type) -> str:
    """The `type` of a fact: `StepFinished` is "step-finished"."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", fact.__name__).lower()


FACT_TYPES: dict[type, str] = {fact: type_name(fact) for fact in get_args(Fact)}
"""Every fact that can be in the stream, and its name there."""


def fact_event(fact: Fact, redact: Redact) -> dict[str, Any]:
    """A fact as one event of the stream."""
    return event(FACT_TYPES[type(fact)], as_json(fact, redact))


def event(type: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """One event of the stream: every one has `v`, `type` and `at`, in seconds since the epoch."""
    at = content.get("at") or time.time()
    return {"v": VERSION, "type": type, **content, "at": round(at, 3)}


def as_json(value: Any, redact: Redact) -> Any:
    """A value of the model as JSON: dataclasses by field, sets sorted, outcomes by their word; every text redacted."""
    if isinstance(value, str) and not isinstance(value, Enum):
        return redact(value)
    if isinstance(value, Outcome):
        return value.word
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        content = {field.name: as_json(getattr(value, field.name), redact) for field in fields(value)}
        return content | {"exit_code": value.outcome.code} if isinstance(value, Verdict) else content
    if isinstance(value, Mapping):
        return {_key(key, redact): as_json(each, redact) for key, each in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(as_json(each, redact) for each in value)
    if isinstance(value, list | tuple):
        return [as_json(each, redact) for each in value]
    return redact(str(value)) if isinstance(value, Path) else value


def _key(key: Any, redact: Redact) -> str:
    return redact("/".join(map(str, key)) if isinstance(key, tuple) else str(key))
