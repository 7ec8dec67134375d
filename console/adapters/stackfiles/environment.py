"""Values of Secrets that this machine has: in the environment, and in `.env` beside the stack's file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from console.model.errors import UsageError

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*(.*)")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


class EnvironmentSecrets:
    """Looks a key up in the environment, then in `.env`.

    Args:
        file: of the stack.
        environment: of the console.
    """

    def __init__(self, file: Path, environment: Mapping[str, str]) -> None:
        self._file = file.with_name(".env")
        self._environment = environment
        self._read: dict[str, str] | None = None

    def lookup(self, key: str) -> str | None:
        """The value of a key, None if it is nowhere or empty.

        Raises:
            UsageError: `.env` cannot be read. The message holds no value.
        """
        if self._read is None:
            self._read = self._parse()
        return self._environment.get(key) or self._read.get(key) or None

    def _parse(self) -> dict[str, str]:
        try:
            text = self._file.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as error:
            why = (error.strerror or "") if isinstance(error, OSError) else "it is not UTF-8 text"
            raise UsageError("the file cannot be read", where=str(self._file), why=why) from error
        return parse_env(text, str(self._file))


def parse_env(text: str, shown: str) -> dict[str, str]:
    """The variables of a `.env` file: `KEY=value`, quotes, `export`, comments. The last one of a name counts.

    Raises:
        UsageError: a line is none of these; the line is named, not shown.
    """
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            hint = "write KEY=value, one a line"
            raise UsageError("this line is no KEY=value", where=f"{shown}:{number}", hint=hint)
        found[match[1]] = _value(match[2].strip())
    return found


def _value(written: str) -> str:
    if written[:1] == "'" and (end := written.find("'", 1)) > 0:
        return written[1:end]
    if written[:1] == '"' and (quoted := re.match(r'"((?:[^"\\]|\\.)*)"', written)):
        return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), quoted[1])
    return re.split(r"\s+#", written, maxsplit=1)[0].rstrip()
