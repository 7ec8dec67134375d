"""The lock on a stack while something changes it: a Lease in its namespace, held by a process, renewed while it lives.

Protocol: kubernetes.io, "Leases". Every change carries the resourceVersion that was read, so that of two who take it at
once only one does. A holder that was killed on this machine does not stand in the way; one on another machine has to
stay silent for as long as a lease lasts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

from console.engine.holder import COMMAND_ANNOTATION, Holder, held_by, locked, moment_of, seconds_of
from console.engine.patience import PATIENCE, Patience
from console.engine.ports import Clock, Cluster
from console.model.errors import ConflictError, ConsoleError, LockedError, UnreachableError
from console.model.plan import ObjectRef
from console.model.stack import JSON, STACK_LABEL

SKEW = 60.0
"""Seconds by which clocks of two machines may differ."""

Waiting = Callable[[str, float], None]
"""Is told for whom we wait, and for how many seconds at most."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a lease lasts, in seconds.

    Attributes:
        duration: without a renewal.
        renew: between two renewals.
        look: between two looks at another holder's.
        give_up: without an answer of the API server.
    """

    duration: float = 15.0
    renew: float = 4.0
    look: float = 1.0
    give_up: float = 60.0


TERMS = Terms()


def lease_ref(namespace: str, stack: str) -> ObjectRef:
    """The Lease of a stack."""
    return ObjectRef("coordination.k8s.io/v1", "Lease", namespace, f"stack-console-{stack}")


class hold:  # noqa: N801 - reads like a function: `async with hold(...) as lock`
    """Holds the lock on a stack; losing it ends the body.

    Args:
        cluster: keeps the Lease.
        namespace: the stack's; it must exist.
        stack: its name.
        holder: who we are.
        command: the command line to name to those who find it locked; without secrets.
        clock: the time that is kept in the Lease.
        waiting: is told while a holder that may be dead is waited for.
        terms: how long it lasts; the same for all who want it.

    Raises:
        LockedError: somebody else holds it, or took it from us.
        UnreachableError: the API server did not answer for a minute.
    """

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        stack: str,
        holder: Holder,
        *,
        command: str = "",
        clock: Clock = time.time,
        waiting: Waiting = lambda who, seconds: None,
        terms: Terms = TERMS,
    ) -> None:
        # To take it we are patient; to renew it is tried again by itself, and to give it back it is not worth while.
        self._cluster, self._patient = cluster.patient(Patience()), cluster.patient(Patience(PATIENCE))
        self._ref = lease_ref(namespace, stack)
        self._stack = stack
        self._holder = holder
        self._command = command
        self._clock = clock
        self._waiting = waiting
        self._terms = terms
        self._lease: JSON = {}
        self._renewed = 0.0
        self._news = asyncio.Event()
        self._lost: ConsoleError | None = None
        self._owner: asyncio.Task[object] | None = None
        self._cancelled_before = 0
        self._renewing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> hold:
        await self._take()
        self._owner = asyncio.current_task()
        self._cancelled_before = self._owner.cancelling() if self._owner else 0
        self._renewing = asyncio.create_task(self._keep(), name=f"lease {self._ref.name}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop_renewing()
        if self._lost is None:
            await self._give_back()
        elif self._owner and self._owner.uncancel() <= self._cancelled_before and kind is asyncio.CancelledError:
            # The cancellation was ours, to end the body; as in asyncio.timeout.
            raise self._lost from error

    @property
    def lost(self) -> bool:
        """True once it is not ours any more, against our will."""
        return self._lost is not None

    async def certain(self) -> None:
        """Returns once it is certain that the lock is ours: at once, unless the API server has not answered lately."""
        while time.monotonic() - self._renewed > self._terms.duration:
            self._news.clear()
            await self._news.wait()

    async def remove(self) -> None:
        """Removes the Lease itself, as the last thing of a stack that goes; it is not renewed any more."""
        await self._stop_renewing()
        self._lease = {}
        with suppress(ConsoleError, TimeoutError):
            async with asyncio.timeout(self._terms.renew):
                await self._cluster.delete(self._ref)

    # -- taking

    async def _take(self) -> None:
        seen, since = "", 0.0
        while True:
            lease = await self._patient.get(self._ref)
            version = lease["metadata"]["resourceVersion"] if lease else ""
            if not seen:
                seen, since = version, time.monotonic()
            silent = time.monotonic() - since if version == seen else -1.0
            with suppress(ConflictError):
                if lease is None or self._may_be_taken(lease, silent):
                    return await self._write(lease)
                self._waiting(str(held_by(lease)), max(0.0, self._terms.duration - silent))
                await asyncio.sleep(self._terms.look)

    def _may_be_taken(self, lease: JSON, silent: float) -> bool:
        """Whether nobody holds it any more.

        Args:
            lease: as it is.
            silent: for how many seconds we saw it unchanged; negative: it was renewed meanwhile.

        Raises:
            LockedError: its holder is alive.
        """
        holder = held_by(lease)
        if not lease["spec"].get("holderIdentity") or (isinstance(holder, Holder) and holder.is_gone):
            return True
        if holder == self._holder:
            # We took it, and the answer was lost.
            return True
        left = self._terms.duration - (self._clock() - seconds_of(lease["spec"].get("renewTime")))
        if isinstance(holder, Holder) and holder.is_here:
            if left > 0:
                raise self._locked(lease)
            return True
        if silent < 0:
            raise self._locked(lease)
        return silent >= self._terms.duration or left < -SKEW

    async def _write(self, lease: JSON | None) -> None:
        """Creates the Lease, or takes it over from whoever held it when it was read."""
        now = moment_of(self._clock())
        old = lease or {"spec": {}}
        spec = {
            "holderIdentity": self._holder.identity,
            "leaseDurationSeconds": int(self._terms.duration),
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": int(old["spec"].get("leaseTransitions") or 0) + (1 if lease else 0),
        }
        meta = {
            "name": self._ref.name,
            "namespace": self._ref.namespace,
            "labels": {STACK_LABEL: self._stack},
            "annotations": {COMMAND_ANNOTATION: self._command},
        }
        version = {"resourceVersion": lease["metadata"]["resourceVersion"]} if lease else {}
        body = {"apiVersion": self._ref.api_version, "kind": "Lease", "metadata": {**meta, **version}, "spec": spec}
        self._lease = await (self._patient.replace(body) if lease else self._patient.create(body))
        self._renewed = time.monotonic()

    def _locked(self, lease: JSON) -> LockedError:
        return locked(self._stack, str(self._ref), lease, self._clock())

    # -- keeping

    async def _keep(self) -> None:
        """Renews the Lease until cancelled; when it is lost, cancels the body."""
        while True:
            await asyncio.sleep(self._terms.renew)
            try:
                async with asyncio.timeout(self._terms.renew):
                    await self._renew()
            except (UnreachableError, TimeoutError) as error:
                # While nobody can be reached nothing is changed; whoever takes the Lease meanwhile shows afterwards.
                if time.monotonic() - self._renewed < self._terms.give_up:
                    continue
                return self._lose(error if isinstance(error, ConsoleError) else _silent(self._cluster.server))
            except ConsoleError as error:
                return self._lose(error)

    async def _renew(self) -> None:
        asked = time.monotonic()
        try:
            await self._replace({"renewTime": moment_of(self._clock())})
        except ConflictError:
            lease = await self._cluster.get(self._ref)
            if lease is None or lease["spec"].get("holderIdentity") != self._holder.identity:
                raise self._taken(lease) from None
            # Only something else in it changed, or an answer to us was lost.
            self._lease = lease
            await self._replace({"renewTime": moment_of(self._clock())})
        self._renewed = asked
        self._news.set()

    async def _replace(self, spec: JSON) -> None:
        self._lease = await self._cluster.replace({**self._lease, "spec": {**self._lease["spec"], **spec}})

    def _taken(self, lease: JSON | None) -> LockedError:
        if lease is not None:
            return self._locked(lease)
        return LockedError(f"the lock on {self._stack} was removed", where=str(self._ref), hint="plan again")

    def _lose(self, error: ConsoleError) -> None:
        self._lost = error
        if self._owner:
            self._owner.cancel()

    # -- letting go

    async def _stop_renewing(self) -> None:
        if self._renewing:
            self._renewing.cancel()
            try:
                await asyncio.wait([self._renewing])
            except asyncio.CancelledError:
                if self._lost is None:
                    raise

    async def _give_back(self) -> None:
        """As client-go does (leaderelection, release): nobody is named any more. If that fails, it ends by itself."""
        if self._lease:
            with suppress(ConsoleError, TimeoutError):
                async with asyncio.timeout(self._terms.renew):
                    await self._replace({"holderIdentity": "", "leaseDurationSeconds": 1})


def _silent(server: str) -> UnreachableError:
    hint = "run the same command again once it can be reached"
    return UnreachableError("the API server did not answer for too long", where=server, hint=hint)
