"""Pods that no node takes, and pods that a node gave up.

Texts: `pkg/scheduler/framework/types.go` (FitError), like `0/3 nodes are available: 2 Insufficient cpu`.
"""

from __future__ import annotations

import re

from console.model.diagnosing.sight import DEPLOY, Sight
from console.model.diagnosis import Cause, Diagnosis

_SHORT = re.compile(r"Insufficient ([\w./-]*\w)|(Too many pods)")
_CLAIM = re.compile(r"unbound immediate PersistentVolumeClaims|persistentvolumeclaim \"([^\"]+)\" not found")
# Taints that a node gets and loses by its own condition (kubernetes.io, "Taints and Tolerations").
_PASSING = re.compile(r"untolerated taint(?:\(s\))? \{node\.(?:kubernetes|cloudprovider\.kubernetes)\.io/")
_FOR_GOOD = re.compile(r"didn't match Pod's node affinity/selector|untolerated taint|didn't satisfy plugin")


def placing(sight: Sight) -> Diagnosis | None:
    """Why no node takes the pod."""
    condition = sight.pod.condition("PodScheduled")
    if condition is None or condition.status != "False":
        return None
    words = condition.message.partition(" preemption: ")[0].strip()
    if claim := _CLAIM.search(words):
        summary = f"the claim {claim[1]} is not there" if claim[1] else "a claim of a volume is not bound"
        return sight.finding(Cause.VOLUME, summary, evidence=words, since=condition.since)
    if condition.reason == "SchedulingGated":
        return sight.finding(Cause.STARTING, "held back by a scheduling gate", evidence=words, since=condition.since)
    never = sight.clues.get("", "")
    short = list(dict.fromkeys(found[1] or "room for another pod" for found in _SHORT.finditer(words)))
    summary = f"no node has enough {', '.join(short)}" if short else "no node fits"
    summary = f"no node is large enough: {never}" if never else summary
    hint = "lower resources.requests, or add a node" if short else "correct nodeSelector and tolerations"
    hopeless = never or _for_good(words)
    terminal, hints = bool(hopeless) and not sight.event("TriggeredScaleUp"), (hint, DEPLOY)
    return sight.finding(
        Cause.UNSCHEDULABLE, summary, terminal=terminal, evidence=words, hints=hints, since=condition.since
    )


def _for_good(words: str) -> bool:
    """True if no pod that ends and no node that recovers can make room."""
    return not _SHORT.search(words) and not _PASSING.search(words) and bool(_FOR_GOOD.search(words))


def given_up(sight: Sight) -> Diagnosis | None:
    """Why a node ended the whole pod: evicted, out of its deadline, lost."""
    pod = sight.pod
    if pod.phase != "Failed" or not pod.reason:
        return None
    cause = Cause.DEADLINE if pod.reason == "DeadlineExceeded" else Cause.UNKNOWN
    cause = Cause.OUT_OF_MEMORY if pod.reason == "Evicted" and "memory" in pod.message else cause
    return sight.finding(cause, f"was ended by its node: {pod.reason}", evidence=pod.message)
