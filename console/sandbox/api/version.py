"""The version of Kubernetes whose API this is."""

from __future__ import annotations

import platform
import sys

from console.sandbox.api.resources import Object

MAJOR, MINOR = "1", "34"
GIT_VERSION = f"v{MAJOR}.{MINOR}.0+sandbox"

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def version() -> Object:
    """What `/version` answers."""
    return {
        "major": MAJOR,
        "minor": MINOR,
        "gitVersion": GIT_VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": f"python{platform.python_version()}",
        "compiler": sys.implementation.name,
        "platform": f"{sys.platform}/{_MACHINES.get(platform.machine(), platform.machine())}",
    }
