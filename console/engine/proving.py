"""How it is known that a container has a value: it reports it itself, over exec, or it started since.

Values are compared in memory, and stand in no command, log or message.
"""

from __future__ import annotations

import asyncio
from enum import IntEnum

from console.engine.claims import Claim
from console.engine.ports import ExecResult
from console.engine.work import Work
from console.model.configuration import Way
from console.model.errors import ApplyError, DeniedError, NotFoundError, UnreachableError
from console.model.workload import Container, ContainerState, Pod

_AT_ONCE = 8
"""Questions at the same time."""
_NO_PROGRAM = frozenset({126, 127})


class Proof(IntEnum):
    """How it is known that a container has a value, the most certain first."""

    ENVIRONMENT = 0
    FILE = 1
    START = 2
    NONE = 3

    @property
    def words(self) -> str:
        """As it is told."""
        return ("environment", "file", "start time", "unproven")[self]


class Prover:
    """Asks containers.

    Attributes:
        why: why containers could not report anything; empty if all of them did.
    """

    def __init__(self, work: Work) -> None:
        self.why = ""
        self._work = work
        self._denied = False
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    async def prove(self, pod: Pod, claim: Claim) -> Proof | None:
        """How it is known that a container of the pod has the value; None: it is not known yet."""
        each = claim.reading
        if each.init:
            return Proof.START if pod.created >= claim.since else None
        container = next((one for one in pod.containers if one.name == each.container), None)
        if container is None or container.state is not ContainerState.RUNNING:
            return None
        reports = await self._reports(pod, claim) if each.name and not self._denied else None
        if reports is None:
            return _without_report(container, claim)
        proof = Proof.ENVIRONMENT if each.way is Way.ENVIRONMENT else Proof.FILE
        return proof if reports else None

    async def _reports(self, pod: Pod, claim: Claim) -> bool | None:
        """Whether a container reports the value; None where it cannot report anything."""
        each = claim.reading
        program = "printenv" if each.way is Way.ENVIRONMENT else "cat"
        try:
            async with self._at_once:
                result = await self._work.world.cluster.exec(
                    pod.namespace, pod.name, each.container, [program, each.name]
                )
        except DeniedError as error:
            self.why, self._denied = error.what, True
            return None
        except ApplyError:
            self.why = f"{each.container} cannot be asked"
            return None
        except (NotFoundError, UnreachableError):
            return False
        if result.code in _NO_PROGRAM:
            self.why = f"{each.container} has no {program}"
            return None
        return self._judge(result, claim)

    def _judge(self, result: ExecResult, claim: Claim) -> bool | None:
        variable = claim.reading.way is Way.ENVIRONMENT
        text = result.stdout.removesuffix(b"\n") if variable else result.stdout
        if claim.value is None:
            return result.code != 0 or text != claim.before
        if result.code == 0 and text == claim.value:
            return True
        # It was there before, so it may not be read. On the embedded cluster values are fitted to the machine.
        hidden = result.code != 0 and claim.before is not None
        fitted = self._work.stack.target.kind == "sandbox" and variable and text != claim.before
        if hidden or fitted:
            self.why = f"{claim.reading.container} does not show {claim.reading.name} as it is"
            return None
        return False


def _without_report(container: Container, claim: Claim) -> Proof | None:
    if claim.by_itself:
        return Proof.NONE
    return Proof.START if (container.since or 0.0) >= claim.since else None
