"""Sees that pods have what an edit sent, however it comes to them, and goes on to watch their probes for a while.

A kubelet looks after the files of a volume about once a minute, and at once after those of a pod that is changed
(kubernetes.io, "Configure a Pod to Use a ConfigMap", mounted ConfigMaps are updated automatically).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from console.engine.claims import Claim, claims, pods_of, workload_of
from console.engine.proving import Proof, Prover
from console.engine.steplog import StepLog
from console.engine.together import together
from console.engine.work import Work
from console.model.effect import Effect
from console.model.errors import ApplyError, ConsoleError, DeniedError, NotFoundError, RolloutError, UnreachableError
from console.model.plan import ObjectRef, Step
from console.model.run import Progress
from console.model.stack import JSON, LOOK_ANNOTATION
from console.model.state import Freshness, View
from console.model.workload import Container, Pod, ProbeKind

TIMEOUT = 60.0
"""Seconds that pods get, where nobody says otherwise."""
UNHURRIED = 150.0
"""The same where files come when a kubelet gets to them: every 60 to 90 s, if it knows of the change by then."""
_PAUSE = 0.5
"""Seconds between two questions: nobody tells when a file changes."""
_LOOK_AGAIN = 10.0
_AT_ONCE = 8
_LONGEST_WATCH = 10.0
_NAMED = 5


async def take_effect(work: Work, step: Step, log: StepLog, before: Mapping[ObjectRef, JSON], began: float) -> Effect:
    """Waits until all pods have what was sent; then watches the probes of those that took it up while they served.

    Args:
        work: the run; what it sent is what pods shall have.
        step: is told how far it is.
        log: is told who has it, and how that is known.
        before: ConfigMaps and Secrets as they were.
        began: when the change was sent, in seconds since the epoch.

    Raises:
        RolloutError: pods do not have it in time, or fail since they have it.
        UnreachableError: the cluster is out of sight.
    """
    claimed = claims(work, before)
    watch = _Watch(work, claimed)
    hurried = await hurry(work, claimed)
    timeout = work.options.timeout or (TIMEOUT if hurried else UNHURRIED)
    try:
        async with asyncio.timeout(timeout):
            await watch.until_all_have_it(step, log)
    except TimeoutError:
        raise watch.too_late(timeout) from None
    effect = watch.effect(work.world.clock() - began)
    await watch.probes()
    return effect


async def hurry(work: Work, claimed: Iterable[Claim]) -> bool:
    """Changes the pods that wait for a file, so that their kubelets look after it at once; False if we may not."""
    view, moment = work.store.view(), _moment(work)
    pods = {pod.uid: pod for claim in claimed if claim.by_itself for pod in pods_of(view, claim.reading)}
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def change(pod: Pod) -> bool:
        async with at_once:
            return await _change(work, pod, moment)

    first, rest = list(pods.values())[:1], list(pods.values())[1:]
    # Who may not change one may change none.
    if not all([await change(pod) for pod in first]):
        return False
    return all(await together((change(pod) for pod in rest), "hurry"))


async def _change(work: Work, pod: Pod, moment: str) -> bool:
    await work.certain()
    body = {"metadata": {"annotations": {LOOK_ANNOTATION: moment}}}
    try:
        await work.world.cluster.patch(ObjectRef("v1", "Pod", pod.namespace, pod.name), "merge", body)
    except NotFoundError:
        return True
    except (ApplyError, DeniedError):
        return False
    return True


def _moment(work: Work) -> str:
    return datetime.fromtimestamp(work.world.clock(), UTC).isoformat(timespec="milliseconds")


class _Watch:
    """Which pods have what was sent."""

    def __init__(self, work: Work, claimed: tuple[Claim, ...]) -> None:
        self._work = work
        self._claims = claimed
        self._proofs: dict[tuple[str, Claim], Proof] = {}
        self._prover = Prover(work)
        self._about = ", ".join(sorted({str(claim.reading.ref) for claim in claimed}))

    async def until_all_have_it(self, step: Step, log: StepLog) -> None:
        """Asks until every pod of every workload has it."""
        clock = asyncio.get_running_loop().time
        hurried = clock()
        while True:
            view = self._work.store.view()
            left = self._left(view)
            if left and clock() - hurried >= _LOOK_AGAIN:
                hurried = clock()
                await hurry(self._work, {claim for _, claim in left})
            await together((self._ask(pod, claim, log) for pod, claim in left), "effective")
            view = self._work.store.view()
            self._tell(step, view)
            self._refuse_failing(view)
            if not self._left(view) and not self._missing(view):
                return
            await asyncio.sleep(_PAUSE)

    def effect(self, seconds: float) -> Effect:
        """What became of it, in numbers; of each pod counts what is least certain."""
        weakest: dict[str, Proof] = {}
        for pod, claim in self._asked(self._work.store.view()):
            proof = self._proofs.get((pod.uid, claim), Proof.NONE)
            weakest[pod.uid] = max(proof, weakest.get(pod.uid, proof))
        counts = Counter(weakest.values())
        by = tuple((proof.words, counts[proof]) for proof in Proof if counts[proof])
        known = weakest and Proof.NONE not in counts
        return Effect(round(seconds, 3) if known else None, len(weakest), by, self._prover.why)

    def too_late(self, timeout: float) -> ConsoleError:
        """That pods do not have it, and which; that nobody knows, where the cluster is out of sight."""
        view = self._work.store.view()
        if view.freshness is Freshness.STALE:
            return UnreachableError(f"the cluster is out of sight, {self._about} was not effective before")
        named = sorted({f"{pod.name} ({claim.reading.key})" for pod, claim in self._left(view)})
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        missing = f"{', '.join(named[:_NAMED])}{more}" if named else "pods are missing"
        hint = "give it longer with --timeout, or look at the pods"
        return RolloutError(f"{self._about} is not effective after {timeout:.0f} s: {missing}", hint=hint)

    async def probes(self) -> None:
        """Stays for as long as probes take to fail at pods that took it up while they served."""
        pods = [pod for pod, claim in self._asked(self._work.store.view()) if claim.by_itself]
        seconds = max((_until_failed(each) for pod in pods for each in pod.containers), default=0.0)
        try:
            async with asyncio.timeout(min(seconds, _LONGEST_WATCH)):
                view = await self._work.store.wait_until(lambda view: view if self._failing(view) else None)
        except TimeoutError:
            return
        self._refuse_failing(view)

    async def _ask(self, pod: Pod, claim: Claim, log: StepLog) -> None:
        proof = await self._prover.prove(pod, claim)
        if proof is not None:
            self._proofs[pod.uid, claim] = proof
            each = claim.reading
            log.line(f"{pod.name} {each.container}: {each.ref} {each.key} ({proof.words})")

    def _asked(self, view: View) -> list[tuple[Pod, Claim]]:
        pods: dict[tuple[ObjectRef, bool], list[Pod]] = {}
        for each in (claim.reading for claim in self._claims):
            if (key := (each.workload, each.way.restarts)) not in pods:
                pods[key] = pods_of(view, each)
        own = ((claim, pods[claim.reading.workload, claim.reading.way.restarts]) for claim in self._claims)
        return [(pod, claim) for claim, found in own for pod in found]

    def _left(self, view: View) -> list[tuple[Pod, Claim]]:
        return [(pod, claim) for pod, claim in self._asked(view) if (pod.uid, claim) not in self._proofs]

    def _missing(self, view: View) -> bool:
        """Whether a workload has fewer pods than it wants."""
        readings = {(claim.reading.workload, claim.reading.way): claim.reading for claim in self._claims}
        wanted = ((reading, workload_of(view, reading)) for reading in readings.values())
        return any(workload and len(pods_of(view, reading)) < workload.desired for reading, workload in wanted)

    def _failing(self, view: View) -> list[Pod]:
        """The pods that served, took it up by themselves, and serve no more."""
        taken = {uid for uid, claim in self._proofs if claim.by_itself and uid in self._work.served}
        pods = [pod for uid in taken if (pod := view.pods.get(uid)) and pod.deleting is None]
        return [pod for pod in pods if not pod.ready or pod.restarts > self._work.served[pod.uid]]

    def _refuse_failing(self, view: View) -> None:
        if failing := self._failing(view):
            services = {pod.service for pod in failing}
            diagnoses = [each for line in view.services if line.name in services for each in line.diagnoses]
            names = ", ".join(sorted(pod.name for pod in failing)[:_NAMED])
            raise RolloutError(f"{names} fails since it has taken up {self._about}", diagnoses)

    def _tell(self, step: Step, view: View) -> None:
        pods, left = ({pod.uid for pod, _ in each} for each in (self._asked(view), self._left(view)))
        self._work.course.progress(step)(Progress(len(pods - left), len(pods), "pods"))


def _until_failed(container: Container) -> float:
    """Seconds after which a probe has seen it fail."""
    probes = [each for each in container.probes if each.kind is not ProbeKind.STARTUP]
    return max((each.period * each.failure_threshold + each.timeout for each in probes), default=0.0)
