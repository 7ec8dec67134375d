"""One request on its way through the handlers, and the answers they give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aiohttp import web

from console.sandbox.api import requests
from console.sandbox.api.decoding import parse_body
from console.sandbox.api.ownership import Writer
from console.sandbox.api.requests import RequestInfo
from console.sandbox.api.users import User
from console.sandbox.store import encode

if TYPE_CHECKING:
    from console.sandbox.api.machinery import Machinery
    from console.sandbox.api.ports import Nodes
    from console.sandbox.pki import Authority


@dataclass(slots=True)
class Context:
    """What a handler needs: the request taken apart, who asks, and the cluster.

    Attributes:
        warnings: go out as `Warning` headers.
    """

    request: web.Request
    info: RequestInfo
    user: User
    machinery: Machinery
    nodes: Nodes
    authority: Authority
    warnings: list[str] = field(default_factory=list)

    @property
    def query(self) -> Mapping[str, str]:
        """The query's parameters."""
        return self.request.query

    @property
    def accept(self) -> str:
        """The forms of an answer that are taken."""
        return self.request.headers.get("Accept", "")

    @property
    def dry_run(self) -> bool:
        """Nothing is to be written."""
        return requests.dry_run(self.query, self.info.verb)

    @property
    def writer(self) -> Writer:
        """The field manager: the query's, else the client's name."""
        agent = self.request.headers.get("User-Agent", "unknown").partition("/")[0]
        return Writer(self.query.get("fieldManager") or agent[:128] or "unknown")

    @property
    def strictness(self) -> str:
        """The query's `fieldValidation`; the server's default is `Warn`."""
        return self.query.get("fieldValidation") or "Warn"

    async def body(self) -> Any:
        """The request's JSON or YAML; None when it is empty.

        Raises:
            StatusError: 400, it cannot be read.
        """
        data = await self.request.read()
        return parse_body(data, self.request.content_type) if data.strip() else None

    def answer(self, obj: Any, *, status: int = 200) -> web.Response:
        """An object as JSON."""
        return self.raw(encode(obj), status=status)

    def raw(self, body: bytes, *, status: int = 200, content_type: str = "application/json") -> web.Response:
        """Bytes that are the answer already."""
        response = web.Response(body=body, status=status, content_type=content_type)
        add_warnings(response, self.warnings)
        return response


def add_warnings(response: web.StreamResponse, warnings: Sequence[str]) -> None:
    """Adds `Warning: 299 - "..."` headers, as RFC 7234 has them."""
    for each in warnings:
        text = each.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{text if text.isascii() else quote(text)}"')
