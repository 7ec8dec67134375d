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


_RESOURCES = msgspec.json.Decoder(_ResourceList)


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

    async def _discover(self, api_version: str, kind: str) -> dict[tuple[str, str], Resource]:
        subject = f"apiVersion {api_version}"
        call = Call("GET", group_path(api_version), "read what the API serves", subject)
        try:
            served = decoded(_RESOURCES, await self._transport.send(call), self._transport.server).resources
        except NotFoundError as error:
            raise self._unknown(api_version, kind, "the cluster does not serve this apiVersion") from error
        found = {
            (api_version, each.kind): Resource(api_version, each.kind, each.name, each.namespaced)
            for each in served
            if "/" not in each.name
        }
        if (api_version, kind) not in found:
            nearest = difflib.get_close_matches(kind, [known for _, known in found], n=1)
            raise self._unknown(api_version, kind, f"did you mean {nearest[0]!r}?" if nearest else "")
        return found

    def _unknown(self, api_version: str, kind: str, why: str) -> NotFoundError:
        hint = "install what defines it (a CustomResourceDefinition), or correct apiVersion and kind"
        return NotFoundError(f"no kind {kind} in {api_version}", where=self._transport.server, why=why, hint=hint)
