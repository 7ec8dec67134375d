"""Who asks: a name and the groups it is in, as Kubernetes' `user.Info`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"


@dataclass(frozen=True, slots=True)
class User:
    """An authenticated user; `system:masters` may do everything."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


SYSTEM = User("system:sandbox", (MASTERS,))
"""The cluster's own controllers and kubelets, which do not come over HTTP."""
