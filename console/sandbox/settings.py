"""What the embedded cluster can be told, read once from flags and the environment (`SANDBOX_*`), then frozen."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

PodMode = Literal["auto", "namespaces", "plain"]


def _home(variable: str, fallback: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / fallback) / "stack-console"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one embedded cluster.

    Attributes:
        state: the folder that holds everything this cluster keeps; nothing is left behind outside of it.
        port: the API server's port; 0 takes a free one and keeps it over restarts.
        registry_port: the image registry's port, likewise.
        ingress_port: the port where Ingresses are served over HTTP, likewise.
        time_scale: multiplies probe periods, initial delays and back-off steps; tests use 0.1.
        pod_mode: how pods are set apart; `auto` takes namespaces where the kernel lets an ordinary user make them.
        nodes: how many nodes run pods as processes.
        virtual_nodes: how many nodes run pods that have scripted lives and no process.
        bundle_cache: where images are unpacked, shared between clusters.
        image_bytes: how much unpacked images may hold, and likewise tagged ones in the registry; beyond it those go
            that nothing uses, longest unused first.
        image_age: seconds after which an image that nothing uses goes in any case.
        runtime: where running clusters lock the loopback range that they use.
        loopback: the second octet of the 127.x.0.0/16 to use; 0 takes the first that is free.
    """

    state: Path = field(default_factory=lambda: _home("XDG_STATE_HOME", ".local/state") / "sandbox")
    port: int = 0
    registry_port: int = 0
    ingress_port: int = 0
    time_scale: float = 1.0
    pod_mode: PodMode = "auto"
    nodes: int = 2
    virtual_nodes: int = 0
    bundle_cache: Path = field(default_factory=lambda: _home("XDG_CACHE_HOME", ".cache") / "bundles")
    image_bytes: int = 10 << 30
    image_age: float = 7 * 86400.0
    runtime: Path = field(default_factory=lambda: _home("XDG_RUNTIME_DIR", ".local/run") / "sandbox")
    loopback: int = 0

    def __post_init__(self) -> None:
        """Refuses values that cannot work, naming the setting.

        Raises:
            ValueError: a value is out of its range.
        """
        limits = {"nodes": (1, 100), "virtual_nodes": (0, 1000)}
        limits |= dict.fromkeys(("port", "registry_port", "ingress_port"), (0, 65535))
        sizes = {"image_bytes": (0, 1 << 60), "image_age": (0, 1e9)}
        for name, (low, high) in {**limits, "loopback": (0, 254), "time_scale": (0.001, 1000), **sizes}.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} is {getattr(self, name)}, must be from {low} to {high}")
        if self.pod_mode not in get_args(PodMode):
            raise ValueError(f"pod_mode is {self.pod_mode!r}, must be one of {', '.join(get_args(PodMode))}")

    @classmethod
    def load(cls, flags: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Settings:
        """Settings from flags (those that are not None), else `SANDBOX_<NAME>`, else the defaults.

        Raises:
            ValueError: a value is not a number, or out of its range.
        """
        environment = os.environ if environment is None else environment
        types: dict[str, type] = {"pod_mode": str, "time_scale": float, "image_age": float}
        types |= dict.fromkeys(("state", "bundle_cache", "runtime"), Path)
        given: dict[str, Any] = {}
        for name in (each.name for each in fields(cls)):
            value = flags.get(name)
            value = environment.get(f"SANDBOX_{name.upper()}") if value is None else value
            if value not in (None, ""):
                given[name] = _convert(name, types.get(name, int), value)
        return cls(**given)


def _convert(name: str, kind: type, value: Any) -> Any:
    try:
        return kind(value).expanduser().absolute() if kind is Path else kind(value)
    except ValueError:
        raise ValueError(f"{name} is {value!r}, must be a number") from None
