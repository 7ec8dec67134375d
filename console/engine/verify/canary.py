"""Records that are written before a disturbance and read after it, as the stack's users would."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from console.engine.addresses import Route, routes_of
from console.engine.aims import http_port
from console.engine.ports import Answer, World
from console.model.errors import RefusedError
from console.model.gathered import Declared
from console.model.plan import ObjectRef
from console.model.stack import JSON, Canary, Stack

RECORDS = 5
"""Records that are written."""
_ANSWERED_WITHIN = 10.0
_TRIES = 3
_AGAIN = 1.0


@dataclass(frozen=True, slots=True)
class Record:
    """A record: the text that it must contain, and the key that the stack gave it."""

    text: str
    key: str


class Canaries:
    """Writes, reads and removes records: through the stack's Ingress, else through the API server.

    Args:
        world: what is asked.
        stack: how it is done.
        canary: how a record is written and read.
        bodies: the live objects of the stack, its Ingress among them.

    Raises:
        RefusedError: the stack has no address.
    """

    def __init__(self, world: World, stack: Stack, canary: Canary, bodies: Sequence[JSON]) -> None:
        self._world = world
        self._canary = canary
        self._route: Route | None = next(routes_of(bodies), None)
        self._port = http_port(stack, [Declared(ObjectRef.of(body), "", body) for body in bodies])
        if self._route is None and self._port is None:
            raise RefusedError(
                "no record can be written: the stack has neither an Ingress with an address nor a Service"
            )
        self.records: list[Record] = []

    async def write(self) -> None:
        """Writes the records, and sees that they can be read. Raises RefusedError: the stack does not take them."""
        canary = self._canary
        for _ in range(RECORDS):
            text = f"canary-{secrets.token_hex(6)}"
            answer = await self._ask(canary.method, canary.path, text, body=canary.body.replace("{id}", text))
            if answer.status is None or answer.status >= 300:
                why = f"{canary.method} {canary.path}: {answer.status or ''} {answer.text[:80]}"
                raise RefusedError("a record could not be written", why=why)
            self.records.append(Record(text, _field(answer.text, canary.key)))
        if lost := await self.lost():
            raise RefusedError(
                "what was written cannot be read", why=f"{lost} of {RECORDS}, at once after it was written"
            )

    async def lost(self) -> int:
        """How many of the records cannot be read now; who does not answer well is asked again."""
        return sum([not await self._is_there(record) for record in self.records])

    async def _is_there(self, record: Record) -> bool:
        for attempt in range(_TRIES):
            if attempt:
                await asyncio.sleep(_AGAIN)
            answer = await self._ask("GET", self._canary.read, record.text, record.key)
            if answer.status is not None and answer.status < 500:
                return answer.status < 300 and record.text in answer.text
        return False

    async def remove(self) -> int:
        """Removes the records where the stack file says how; how many are left."""
        if not self._canary.remove:
            return len(self.records)
        answers = [await self._ask("DELETE", self._canary.remove, each.text, each.key) for each in self.records]
        return sum(each.status is None or each.status >= 300 for each in answers)

    async def _ask(self, method: str, path: str, text: str, key: str = "", *, body: str = "") -> Answer:
        path = path.replace("{id}", quote(text, safe="")).replace("{key}", quote(key, safe=""))
        try:
            async with asyncio.timeout(_ANSWERED_WITHIN):
                return await self._send(method, path, body)
        except TimeoutError:
            return Answer(None, f"no answer within {_ANSWERED_WITHIN:g} s")

    async def _send(self, method: str, path: str, body: str) -> Answer:
        world, type_ = self._world, self._canary.content_type
        if self._route:
            url, host = self._route.asked(path)
            return await world.visitor.send(method, url, host=host, body=body, content_type=type_)
        assert self._port is not None
        port = self._port
        where = (method, port.namespace, port.name, port.number, path)
        return await world.cluster.service_send(*where, body=body, content_type=type_)


def _field(text: str, key: str) -> str:
    """A field of a JSON answer as text; empty if it has none."""
    try:
        return str(json.loads(text)[key]) if key else ""
    except (ValueError, KeyError, TypeError):
        return ""
