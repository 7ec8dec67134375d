"""Ending processes of pods that outlived their daemon; imports only what is cheap."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from console.sandbox.identity import Identity
from console.sandbox.kubelet import memory

_PATIENCE = 10.0


def end_leftovers(folders: Iterable[Path]) -> None:
    """Ends every process that the records in these pods' folders name, all at once, and waits for it."""
    records = [record for folder in folders for record in _records(folder)]
    if records:
        with ThreadPoolExecutor(max_workers=min(len(records), 32)) as pool:
            list(pool.map(_end, records))


def _records(folder: Path) -> Iterator[dict[str, Any]]:
    for file in folder.glob("containers/*/run.json"):
        try:
            yield json.loads(file.read_text())
        except (OSError, ValueError):
            continue


def _end(record: dict[str, Any]) -> None:
    if identity := Identity.read(record):
        identity.end(_PATIENCE)
    if group := record.get("group"):
        memory.remove(group)
