"""What can be scaled: by service how many pods it has, what rules them, and what a smaller number would mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from console.model.autoscaling import autoscalers
from console.model.operations import SCALED
from console.model.plan import ObjectRef
from console.model.stack import JSON, SERVICE_LABEL


@dataclass(frozen=True, slots=True)
class Scalable:
    """A service that can be scaled.

    `now` are the replicas that its workload asks for; `bounds` are the least and most of its autoscaler, if one rules;
    `keeps` is the `minAvailable` of the disruption budget `budget` ("2" or "50%"), both empty without one.
    """

    service: str
    ref: ObjectRef
    now: int
    bounds: tuple[int, int] | None = None
    budget: str = ""
    keeps: str = ""

    def bounds_at(self, wanted: int) -> tuple[int, int] | None:
        """The bounds that its autoscaler would get: no fewer than wanted, and no other most than is needed for that."""
        if self.bounds is None or not wanted:
            return self.bounds
        return wanted, max(wanted, self.bounds[1])

    def warning(self, wanted: int) -> str:
        """What so many pods would mean, empty if it is nothing special.

        A budget keeps pods from being evicted, not from being scaled down (kubernetes.io, "Specifying a Disruption
        Budget for your Application"; percentages are rounded up).
        """
        if not wanted:
            return "nothing serves any more"
        if not self.keeps:
            return ""
        least = ceil(wanted * int(self.keeps[:-1]) / 100) if self.keeps.endswith("%") else int(self.keeps)
        if wanted < least:
            return f"fewer than {self.budget} keeps ({self.keeps}): no pod could be evicted"
        return f"{self.budget} keeps all of them: no node could be drained" if wanted == least else ""


def scalables(sent: Iterable[JSON], live: Mapping[ObjectRef, JSON]) -> tuple[Scalable, ...]:
    """What of a stack can be scaled: services with exactly one workload that has replicas.

    Args:
        sent: the objects of the last release.
        live: what is live of workloads, autoscalers and disruption budgets.
    """
    by_service: dict[str, list[ObjectRef]] = {}
    for body in sent:
        ref = ObjectRef.of(body)
        if ref.kind in SCALED and ref in live:
            by_service.setdefault((body["metadata"].get("labels") or {}).get(SERVICE_LABEL, ""), []).append(ref)
    rulers = autoscalers(live.values())
    budgets = [body for ref, body in live.items() if ref.kind == "PodDisruptionBudget"]
    own = ((name, refs[0]) for name, refs in by_service.items() if name and len(refs) == 1)
    return tuple(_scalable(name, ref, live[ref], rulers, budgets) for name, ref in own)


def _scalable(
    name: str, ref: ObjectRef, body: JSON, rulers: Mapping[tuple[str, str, str], JSON], budgets: Sequence[JSON]
) -> Scalable:
    count = body["spec"].get("replicas")
    ruler = rulers.get((ref.kind, ref.namespace, ref.name))
    spec = ruler["spec"] if ruler else {}
    bounds = (int(spec.get("minReplicas") or 1), int(spec["maxReplicas"])) if ruler else None
    budget = next((each for each in budgets if _guards(each, body)), None)
    keeps = str(budget["spec"].get("minAvailable", "")) if budget else ""
    name_of_budget = str(ObjectRef.of(budget)) if budget and keeps else ""
    return Scalable(name, ref, 1 if count is None else int(count), bounds, name_of_budget, keeps)


def _guards(budget: JSON, body: JSON) -> bool:
    """Whether a disruption budget is about a workload's pods; only labels that must be equal are looked at."""
    wanted = ((budget["spec"].get("selector") or {}).get("matchLabels")) or {}
    labels = body["spec"]["template"]["metadata"].get("labels") or {}
    same = budget["metadata"].get("namespace") == body["metadata"].get("namespace")
    return same and bool(wanted) and wanted.items() <= labels.items()
