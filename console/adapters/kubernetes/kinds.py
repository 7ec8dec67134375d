"""Which resource serves a kind: the built-in table first, else what the cluster itself says (discovery, cached)."""

from __future__ import annotations

import difflib

import msgspec
from msgspec import Struct

from console.adapters.kubernetes.failures import Call, decoded
from console.adapters.kubernetes.resources import BUILT_IN, Resource, group_path
from console.adapters.kubernetes.transport import Transport
from console.model.errors import NotFoundError


class _Served(Struct):
    name: str
    kind: str
    namespaced: bool


class _ResourceList(Struct):
    resources: list[_Served]


class _Version(Struct, rename="camel"):
    group_version: str


class _Group(Struct, rename="camel"):
    versions: list[_Version]
    preferred_version: _Version


_RESOURCES = msgspec.json.Decoder(_ResourceList)
_GROUP = msgspec.json.Decoder(_Group)


class Kinds:
    """Finds resources by apiVersion and kind. Only what was found is remembered: a CRD may come at any time."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._found: dict[tuple[str, str], Resource] = dict(BUILT_IN)

    async def find(self, api_version: str, kind: str) -> Resource:
        """The resource that serves a kind.

        Raises:
            NotFoundError: the cluster serves no such apiVersion or kind; the nearest kind is named.
        """
        if (api_version, kind) not in self._found:
            self._found |= await self._discover(api_version, kind)
        return self._found[api_version, kind]

    async def insist(self, api_version: str, kind: str) -> None:
        """Asks the cluster itself, also about kinds of the table.

        Raises:
            NotFoundError: it does not serve that; the versions in which it serves the kind are named.
        """
        await self._discover(api_version, kind)

    async def _discover(self, api_version: str, kind: str) -> dict[tuple[str, str], Resource]:
        served = await self._served(api_version)
        if served is None:
            raise await self._unserved(api_version, kind)
        found = {
            (api_version, each.kind): Resource(api_version, each.kind, each.name, each.namespaced)
            for each in served
            if "/" not in each.name
        }
        if (api_version, kind) not in found:
            nearest = difflib.get_close_matches(kind, [known for _, known in found], n=1)
            raise self._unknown(api_version, kind, f"did you mean {nearest[0]!r}?" if nearest else "")
        return found

    async def _served(self, api_version: str) -> list[_Served] | None:
        """What an apiVersion has; None where the cluster does not serve it."""
        call = Call("GET", group_path(api_version), "read what the API serves", f"apiVersion {api_version}")
        try:
            return decoded(_RESOURCES, await self._transport.send(call), self._transport.server).resources
        except NotFoundError:
            return None

    async def _unserved(self, api_version: str, kind: str) -> NotFoundError:
        """The error for an apiVersion that is not served (any more, yet)."""
        why = "the cluster does not serve this apiVersion"
        others = [each for each in await self._versions(api_version) if kind in await self._kinds_of(each)]
        if not others:
            return self._unknown(api_version, kind, why)
        what, where = f"no kind {kind} in {api_version}", self._transport.server
        hint = f"write apiVersion: {others[0]}, and look what is different there"
        return NotFoundError(what, where=where, why=f"{why}, but {' and '.join(others)}", hint=hint)

    async def _versions(self, api_version: str) -> list[str]:
        """The versions of a group that the cluster serves, the one that it prefers first."""
        group = api_version.rpartition("/")[0]
        call = Call("GET", f"/apis/{group}", "read what the API serves", f"group {group}")
        try:
            found = decoded(_GROUP, await self._transport.send(call), self._transport.server)
        except NotFoundError:
            return []
        names = [found.preferred_version.group_version, *(each.group_version for each in found.versions)]
        return list(dict.fromkeys(names))

    async def _kinds_of(self, api_version: str) -> set[str]:
        return {each.kind for each in await self._served(api_version) or ()}

    def _unknown(self, api_version: str, kind: str, why: str) -> NotFoundError:
        hint = "install what defines it (a CustomResourceDefinition), or correct apiVersion and kind"
        return NotFoundError(f"no kind {kind} in {api_version}", where=self._transport.server, why=why, hint=hint)
