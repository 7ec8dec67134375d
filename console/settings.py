"""What this machine's user settled: flag > environment (`STACK_CONSOLE_*`) > file > default. Read once, then frozen.

Importing pydantic-settings takes a tenth of a second: import this module where settings are needed, not before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import PositiveFloat, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from console.model.errors import UsageError

PREFIX = "STACK_CONSOLE_"


def _home(variable: str, fallback: str) -> Path:
    """A folder of ours, by the XDG Base Directory Specification."""
    return Path(os.environ.get(variable) or Path.home() / fallback) / "stack-console"


def settings_file() -> Path:
    """The file that settings are read from, where it exists."""
    return _home("XDG_CONFIG_HOME", ".config") / "settings.toml"


class Settings(BaseSettings):
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

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid")

    state: Path
    cache: Path
    kubeconfig: Path | None = None
    external_host: str = "127.0.0.1"
    output: Literal["text", "json", "ndjson"] = "text"
    read_only: bool = False
    no_color: bool = False
    timeout: PositiveFloat | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Where values come from, the strongest first."""
        return (
            init_settings,
            env_settings,
            TomlConfigSettingsSource(settings_cls, settings_file()),
            _Homes(settings_cls),
        )

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


class _Homes(PydanticBaseSettingsSource):
    """The folders by default: known only when they are asked for."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        return {"state": _home("XDG_STATE_HOME", ".local/state"), "cache": _home("XDG_CACHE_HOME", ".cache")}


def load(flags: Mapping[str, Any]) -> Settings:
    """The settings; `flags` are those that were given, by the settings' names.

    Raises:
        UsageError: the file is no TOML, or a value of the file or of the environment cannot be.
    """
    given = {name: flags[name] for name in Settings.model_fields if flags.get(name) not in (None, False)}
    if os.environ.get("NO_COLOR"):
        given["no_color"] = True
    try:
        return Settings(**given)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        hint = f"values come from {settings_file()} and from {PREFIX}* in the environment"
        raise UsageError("the settings are wrong", why=problems, hint=hint) from error
    except (OSError, ValueError) as error:
        why = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        hint = "repair the file, or move it away"
        raise UsageError("the settings cannot be read", where=str(settings_file()), why=why, hint=hint) from error
