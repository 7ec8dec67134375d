"""How far apart the API server's version and the definitions are by which the console checks manifests."""

from __future__ import annotations

import re

DEFINITIONS = (1, 37)
"""Of the definitions that manifests are checked by offline (`console/schema`)."""
OLDEST = (1, 28)
"""The first that answers all that the console asks; SelfSubjectReview became stable with it."""
NEWEST = (DEFINITIONS[0], DEFINITIONS[1] + 1)
"""One version ahead, as kubectl has it (kubernetes.io, "Version Skew Policy")."""
_VERSION = re.compile(r"v?(\d+)\.(\d+)")


def skew(version: str) -> str:
    """What is to be warned of about a server of this version, like `v1.34.2`; empty if nothing."""
    found = _VERSION.match(version)
    if found is None:
        return f"the API server tells no version that could be compared ({version or 'none'})"
    server = int(found[1]), int(found[2])
    known = f"this console knows {_text(OLDEST)} to {_text(NEWEST)}"
    if server < OLDEST:
        return f"the API server is {_text(server)}, and {known}: it may lack what is asked of it"
    if server > NEWEST:
        return f"the API server is {_text(server)}, and {known}: fields that are newer are not known here"
    return ""


def _text(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
