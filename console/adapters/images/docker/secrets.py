"""Secrets of a build: BuildKit mounts them for single RUN instructions. Never an argument, never shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from console.model.errors import BuildError
from console.model.stack import BuildSource

_LARGEST = 1 << 20


class BuildSecrets:
    """Finds the values of the secrets that builds ask for.

    Args:
        lookup: the value of a variable on this machine, None if there is none.
        mask: gets the name of a secret and its value, which is shown nowhere from then on.
    """

    def __init__(self, lookup: Callable[[str], str | None], mask: Callable[[str, str], None]) -> None:
        self._lookup = lookup
        self._mask = mask

    def environment(self, source: BuildSource) -> dict[str, str]:
        """The variables that the builder needs to find the secrets of a build; blocks on the disk.

        Raises:
            BuildError: one is not there, or is written wrongly.
        """
        found = {}
        for text in source.secrets:
            fields = _fields(source, text)
            file = fields.get("src") or fields.get("source")
            variable = fields.get("env") or ("" if file else fields["id"])
            value = self._lookup(variable) if variable else _content(source, text, file or "")
            if value is None:
                hint = f"set {variable} in the environment, or in .env beside stack.yaml"
                raise _missing(source, text, f"there is no variable {variable}", hint)
            self._mask(f"build secret {fields['id']}", value)
            if variable:
                found[variable] = value
        return found


def secret_options(source: BuildSource) -> list[str]:
    """The arguments that name the secrets, not their values."""
    options = []
    for text in source.secrets:
        fields = _fields(source, text)
        if not {"env", "src", "source"} & fields.keys():
            text = f"{text},env={fields['id']}"
        options += ["--secret", text]
    return options


def _fields(source: BuildSource, text: str) -> dict[str, str]:
    fields = dict(part.strip().partition("=")[::2] for part in text.split(","))
    if not fields.get("id"):
        raise _missing(source, text, "it has no id", "write it like `id=token,env=TOKEN` or `id=token,src=FILE`")
    return fields


def _content(source: BuildSource, text: str, file: str) -> str:
    path = source.context / Path(file).expanduser()
    try:
        with path.open("rb") as content:
            return content.read(_LARGEST).decode(errors="replace").strip()
    except OSError as error:
        why = f"{path}: {error.strerror}"
        raise _missing(source, text, why, "paths are relative to build.context") from error


def _missing(source: BuildSource, text: str, why: str, hint: str) -> BuildError:
    return BuildError(f"{source.service} cannot be built: its secret `{text}` is not usable", why=why, hint=hint)
