"""What this machine's user settled: flag > environment (`STACK_CONSOLE_*`) > file > default. Read once, then frozen.

With msgspec, which everything else needs anyway: pydantic-settings would add 0.12 s to the start of every command.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from console.model.errors import UsageError

PREFIX = "STACK_CONSOLE_"


def _home(variable: str, fallback: str) -> Path:
    """A folder of ours, by the XDG Base Directory Specification."""
    return Path(os.environ.get(variable) or Path.home() / fallback) / "stack-console"


def settings_file() -> Path:
    """The file that settings are read from, where it exists."""
    return _home("XDG_CONFIG_HOME", ".config") / "settings.toml"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The settings of one process.

    Attributes:
        state: where the journal, run logs, reports, the embedded cluster and externals of our own lie.
        cache: what can be made again: bundles, digests of files.
        kubeconfig: in place of `KUBECONFIG` and `~/.kube/config`.
        external_host: the address that externals of our own listen on, and by which the stack reaches them.
        output: the form of stdout.
        read_only: nothing is let through that changes a cluster.
        no_color: no colours; the `NO_COLOR` convention (no-color.org) counts, too.
        timeout: seconds after which waiting is given up; None for each step's own limit.
    """

    state: Path = msgspec.field(default_factory=lambda: _home("XDG_STATE_HOME", ".local/state"))
    cache: Path = msgspec.field(default_factory=lambda: _home("XDG_CACHE_HOME", ".cache"))
    kubeconfig: Path | None = None
    external_host: str = "127.0.0.1"
    output: Literal["text", "json", "ndjson"] = "text"
    read_only: bool = False
    no_color: bool = False
    timeout: Annotated[float, msgspec.Meta(gt=0)] | None = None

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.state / "journal.db"

    @property
    def runs(self) -> Path:
        """The folder of the logs of runs."""
        return self.state / "runs"

    @property
    def reports(self) -> Path:
        """The folder of reports of unexpected errors."""
        return self.state / "reports"

    @property
    def sandbox(self) -> Path:
        """The embedded cluster's state folder."""
        return self.state / "sandbox"

    @property
    def images(self) -> Path:
        """The folder of built bundles."""
        return self.cache / "images"

    @property
    def hashes(self) -> Path:
        """The folder of remembered digests of files."""
        return self.cache / "hashes"

    def externals(self, target_kind: str) -> Path:
        """The folder of externals of our own, for targets of that kind."""
        return self.state / "externals" / target_kind


def load(flags: Mapping[str, Any]) -> Settings:
    """The settings; `flags` are those that were given, by the settings' names.

    Raises:
        UsageError: the file is no TOML, or a value of the file or of the environment cannot be.
    """
    given = {name: flags[name] for name in Settings.__struct_fields__ if flags.get(name) not in (None, False)}
    values = _in_file() | _in_environment() | given
    try:
        # What stands in the environment is text: not strict, so that "30" is a number and "true" a truth.
        return msgspec.convert(values, Settings, strict=False, dec_hook=lambda kind, value: kind(value))
    except msgspec.ValidationError as error:
        hint = f"values come from {settings_file()} and from {PREFIX}* in the environment"
        raise UsageError("the settings are wrong", why=str(error), hint=hint) from error


def _in_file() -> dict[str, Any]:
    file = settings_file()
    try:
        return tomllib.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        why = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        raise UsageError(
            "the settings cannot be read", where=str(file), why=why, hint="repair the file, or move it away"
        ) from error


def _in_environment() -> dict[str, Any]:
    found = {name: os.environ.get(PREFIX + name.upper()) for name in Settings.__struct_fields__}
    return {name: text for name, text in found.items() if text} | (
        {"no_color": True} if os.environ.get("NO_COLOR") else {}
    )
