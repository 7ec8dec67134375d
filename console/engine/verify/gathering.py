"""What the quick checks go by: live objects, pods and their probes, past runs. Nothing is touched."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from console.engine.addresses import Route, routes_of
from console.engine.live import Findings, read_live
from console.engine.ports import EvidenceItem, RunRecord, World
from console.engine.seen import Seen
from console.engine.store import Store
from console.engine.together import together
from console.model.outcome import Outcome
from console.model.plan import ObjectRef
from console.model.stack import JSON, Stack
from console.model.state import View
from console.model.verify.catalogue import INGRESS
from console.model.verify.check import Finding, Result
from console.model.verify.observed import PastDeploy, judge_autoscalers, unknown_probes
from console.model.verify.report import PastRun
from console.model.workload import Pod

EVIDENCE = "check"
"""The kind of evidence under which the journal keeps a finding."""
KIND = "verify"
ANSWERED_WITHIN = 10.0
"""Seconds that an address of the stack gets for its answer."""
_PROBED_WITHIN = 30.0
"""Seconds that probes get which have not told a result yet."""
_NEW, _AGAIN = 120.0, 2.0
_NOT_FOUND = 404
_RUNS = 100
_TREND = 10


@dataclass(frozen=True, slots=True)
class Past:
    """Earlier runs of the stack on this target, the oldest first."""

    deploys: tuple[PastDeploy, ...]
    verifications: tuple[PastRun, ...]


def live_bodies(seen: Seen) -> list[JSON]:
    """The objects of the newest release as they are live; those that are gone or may not be read are left out."""
    refs = map(ObjectRef.of, seen.releases[0].objects)
    return [body for ref in refs if (body := seen.live.get(ref))]


def pods_of_stack(view: View) -> list[Pod]:
    """Its pods that are to stay, in the order of their names."""
    pods = [pod for pod in view.pods.values() if pod.service and pod.deleting is None and pod.phase != "Succeeded"]
    return sorted(pods, key=lambda pod: pod.name)


async def probed_view(store: Store) -> View:
    """The view once every probe has told a result, or after a while."""

    def known(view: View) -> View | None:
        return None if unknown_probes(pods_of_stack(view), view.probes) else view

    try:
        async with asyncio.timeout(_PROBED_WITHIN):
            return await store.wait_until(known)
    except TimeoutError:
        return store.view()


async def raw_pods(world: World, view: View, namespace: str) -> list[JSON]:
    """The stack's pods as the API server has them."""
    uids = {pod.uid for pod in pods_of_stack(view)}
    pods = await world.cluster.list("v1", "Pod", namespace)
    # Members of a list do not say what they are.
    return [{"apiVersion": "v1", "kind": "Pod", **each} for each in pods if each["metadata"]["uid"] in uids]


async def autoscaled(world: World, bodies: Sequence[JSON], pods: Sequence[Pod]) -> Finding:
    """The autoscalers; those of pods that are new get a while: their first figures come about a minute later."""
    refs = [ObjectRef.of(body) for body in bodies if body["kind"] == "HorizontalPodAutoscaler"]
    youngest = max((pod.created for pod in pods), default=0.0)
    finding = judge_autoscalers(bodies)
    while finding.result is Result.FAILED and world.clock() - youngest < _NEW:
        await asyncio.sleep(_AGAIN)
        live = await read_live(world.cluster, refs, Findings())
        finding = judge_autoscalers([live[ref] for ref in refs if live.get(ref)])
    return finding


async def ask_ingresses(world: World, bodies: Sequence[JSON]) -> Finding:
    """Whether each address of the stack answers."""
    if not any(body["kind"] == "Ingress" for body in bodies):
        return INGRESS.not_made("the stack has no Ingress")
    routes = list(routes_of(bodies))
    if not routes:
        return INGRESS.not_made("no controller has told an address of the Ingress")
    answers = await together((_asked(world, route) for route in routes), "verify: ingress")
    wrong = [line for line, ok in answers if not ok]
    return INGRESS.none_wrong(wrong, "; ".join(line for line, ok in answers if ok) or "none answers")


async def _asked(world: World, route: Route) -> tuple[str, bool]:
    url, host = route.asked()
    began = time.monotonic()
    try:
        async with asyncio.timeout(ANSWERED_WITHIN):
            answer = await world.visitor.get(url, host=host, fresh=True)
    except TimeoutError:
        return f"{route.address} gives no answer within {ANSWERED_WITHIN:g} s", False
    if answer.status is None:
        return f"{route.address}: {answer.text}", False
    took = (time.monotonic() - began) * 1000
    ok = answer.status < 500 and answer.status != _NOT_FOUND
    return f"{route.address} answers {answer.status} in {took:.0f} ms", ok


async def read_past(world: World, stack: Stack) -> Past:
    """Earlier full deploys and verifications."""
    runs = await world.journal.runs(stack.name, _RUNS)
    mine = [run for run in reversed(runs) if run.target == stack.target.name and run.ended is not None]
    deploys = [await _full_deploy(world, stack, run) for run in mine if run.kind == "deploy"]
    verified = [await _past_run(world, run) for run in mine if run.kind == KIND]
    return Past(tuple(filter(None, deploys))[-_TREND:], tuple(verified)[-_TREND:])


async def _full_deploy(world: World, stack: Stack, run: RunRecord) -> PastDeploy | None:
    """A run that was well and deployed every service; those that only changed some took less."""
    if run.outcome != Outcome.DONE.word or run.ended is None:
        return None
    steps = await world.journal.steps(run.run_id)
    if not stack.services or not all(f"wait:{service.name}" in steps for service in stack.services):
        return None
    return PastDeploy(run.run_id, run.started, round(run.ended - run.started, 3), run.phases)


async def _past_run(world: World, run: RunRecord) -> PastRun:
    findings = await read_findings(world, run.run_id)
    figures = {name: each.figure for name, each in findings.items() if each.figure is not None}
    return PastRun(run.run_id, run.started, figures, sum(each.result is Result.FAILED for each in findings.values()))


async def read_findings(world: World, run_id: str) -> Mapping[str, Finding]:
    """What a verification found, by check; nothing of a run that was none."""
    found = map(finding_of, await world.journal.evidence(run_id))
    return {finding.id: finding for finding in found if finding}


def finding_of(item: EvidenceItem) -> Finding | None:
    """The finding that the journal keeps; None for other evidence, and for what another version wrote."""
    try:
        return msgspec.json.decode(item.text, type=Finding) if item.kind == EVIDENCE else None
    except msgspec.MsgspecError:
        return None


def external_words(stack: Stack, view: View) -> list[str]:
    """The externals of the stack as they were last checked, in words."""
    known = {each.name: each for each in view.externals}
    return [f"{each.name} ({each.kind}): {known[each.name].detail}" for each in stack.externals if each.name in known]
