"""The world of the planning tests: a real cluster, a real journal, real externals; values of Secrets as given."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from console.adapters.externals import StackExternals
from console.adapters.images.bundles import BundleBuilder
from console.adapters.images.registry import OciRegistry
from console.adapters.journal import SqliteJournal
from console.adapters.visitor import HttpVisitor
from console.engine.ports import Cluster, World
from console.model.redaction import Redactor


@dataclass
class GivenSecrets:
    """What this machine knows, as an environment would give it."""

    values: Mapping[str, str] = field(default_factory=dict)

    def lookup(self, key: str) -> str | None:
        """The value, None if it was not given."""
        return self.values.get(key)


def world_of(cluster: Cluster, folder: Path, registry: str = "127.0.0.1:1", **secrets: str) -> World:
    """Everything outside, with its files below the folder. Nobody listens at the registry's default address."""
    return World(
        cluster=cluster,
        builder=BundleBuilder(folder / "bundles", folder / "hashes", os.environ),
        registry=OciRegistry(registry),
        externals=StackExternals(folder / "externals"),
        journal=SqliteJournal(folder / "journal.db"),
        secrets=GivenSecrets(secrets),
        redactor=Redactor(),
        clock=lambda: 0.0,
        visitor=HttpVisitor(),
    )
