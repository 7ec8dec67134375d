"""Ending processes of pods that outlived their daemon; imports only what is cheap."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from console.sandbox.identity import Identity

_PATIENCE = 10.0


def end_leftovers(folders: Iterable[Path]) -> None:
    """Ends every process that the records in these pods' folders name, at once, and waits for it."""
    found = [identity for folder in folders for identity in _identities(folder)]
    if found:
        with ThreadPoolExecutor(max_workers=min(len(found), 32)) as pool:
            list(pool.map(lambda each: each.end(_PATIENCE), found))


def _identities(folder: Path) -> Iterable[Identity]:
    for record in folder.glob("containers/*/run.json"):
        try:
            identity = Identity.read(json.loads(record.read_text()))
        except (OSError, ValueError):
            continue
        if identity:
            yield identity
