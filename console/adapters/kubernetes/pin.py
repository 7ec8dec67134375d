"""The cluster of the start is the cluster of every operation: a context that was changed meanwhile is noticed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from console.adapters.kubernetes.kubeconfig import read_contexts
from console.model.errors import RefusedError
from console.model.identity import ClusterIdentity

_HINT = "nothing was changed; start the console again to work with what the context stands for now"


class Pin:
    """What a context stood for when it was opened.

    Args:
        identity: what the files said then.
        files: the kubeconfigs that are read again; none are where there is nothing to compare.
    """

    def __init__(self, identity: ClusterIdentity, files: Sequence[Path] = ()) -> None:
        self._identity = identity
        self._files = files

    async def confirm(self, read_uid: Callable[[], Awaitable[str]]) -> ClusterIdentity:
        """Which cluster it is. The first time the cluster's own uid is added to what the files said.

        Args:
            read_uid: asks the API server for it; empty where that is not allowed.

        Raises:
            RefusedError: the context is gone, or stands for something else; or the server is another cluster's.
            UnreachableError: the API server does not answer.
        """
        if self._files:
            await asyncio.to_thread(self._compare_files)
        now = replace(self._identity, uid=await read_uid())
        if changes := list(self._identity.differences(now)):
            raise self._refused(f"another cluster answers at {now.server}", "; ".join(changes))
        self._identity = replace(self._identity, uid=self._identity.uid or now.uid)
        return self._identity

    def _compare_files(self) -> None:
        known = {each.name: each for each in read_contexts(self._files)}
        context = known.get(self._identity.context)
        if context is None:
            what = f"context {self._identity.context!r} is not in the kubeconfig any more"
            same = [each.name for each in known.values() if each.server == self._identity.server]
            renamed = f"; its server is that of context {' and '.join(map(repr, same))} now" if same else ""
            raise self._refused(what, f"it was {self._identity}{renamed}")
        if changes := list(self._identity.differences(replace(context.identity, uid=self._identity.uid))):
            raise self._refused(f"context {context.name!r} was changed since the console started", "; ".join(changes))

    def _refused(self, what: str, why: str) -> RefusedError:
        return RefusedError(what, where=", ".join(map(str, self._files)), why=why, hint=_HINT)
