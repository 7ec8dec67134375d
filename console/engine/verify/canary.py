"""Records that are written before a disturbance and read after it, as the stack's users would."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from console.engine.addresses import Route, routes_of
from console.engine.ports import Answer, World
from console.model.errors import RefusedError
from console.model.stack import JSON, Canary

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
    """Writes, reads and removes records.

    Args:
        world: what is asked.
        canary: how.
        bodies: the live objects of the stack, its Ingress among them.

    Raises:
        RefusedError: the stack has no address.
    """

    def __init__(self, world: World, canary: Canary, bodies: Iterable[JSON]) -> None:
        routes = list(routes_of(bodies))
        if not routes:
            raise RefusedError("records can be written through an Ingress only, and no address of one is known")
        self._world = world
        self._canary = canary
        self._route: Route = routes[0]
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
        url, host = self._route.asked(path)
        try:
            async with asyncio.timeout(_ANSWERED_WITHIN):
                return await self._world.visitor.send(
                    method, url, host=host, body=body, content_type=self._canary.content_type
                )
        except TimeoutError:
            return Answer(None, f"no answer within {_ANSWERED_WITHIN:g} s")


def _field(text: str, key: str) -> str:
    """A field of a JSON answer as text; empty if it has none."""
    try:
        return str(json.loads(text)[key]) if key else ""
    except (ValueError, KeyError, TypeError):
        return ""
