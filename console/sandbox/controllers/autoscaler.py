"""HorizontalPodAutoscalers: size a workload by what its pods really use (`pkg/controller/podautoscaler`)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from console.sandbox.api import quantity, times
from console.sandbox.api.errors import StatusError
from console.sandbox.api.machinery import Machinery
from console.sandbox.api.ports import Nodes
from console.sandbox.api.resources import BY_KIND, Object
from console.sandbox.api.selectors import Selector
from console.sandbox.controllers import autoscaling
from console.sandbox.controllers.autoscaling import Reading
from console.sandbox.controllers.autoscaling_history import History
from console.sandbox.controllers.pod import Pod
from console.sandbox.controllers.pods import PodCache
from console.sandbox.controllers.runtime import Controller
from console.sandbox.controllers.status import condition, merge, set_status
from console.sandbox.store import Change, Key

PERIOD = 15.0
"""Seconds between two looks, as `--horizontal-pod-autoscaler-sync-period`."""


class Autoscalers(Controller):
    """Looks at every autoscaler once a period, with the figures of the kubelets.

    Args:
        machinery: the cluster.
        pods: its pods.
        nodes: the kubelets.
        time_scale: multiplies the period and the stabilization windows.
    """

    name = "horizontal-pod-autoscaler"

    def __init__(self, machinery: Machinery, pods: PodCache, nodes: Nodes, time_scale: float) -> None:
        super().__init__(machinery)
        self._pods = pods
        self._nodes = nodes
        self._scale = time_scale
        self._usage: dict[tuple[str, str], Mapping[str, float]] = {}
        self._histories: dict[Key, History] = {}

    def start(self) -> None:
        """Follows autoscalers."""
        self.follow("horizontalpodautoscalers", _specified)

    async def run(self) -> None:
        """Works, and measures, until cancelled."""
        measuring = asyncio.create_task(self._measure(), name=f"{self.name}: measure")
        try:
            await super().run()
        finally:
            measuring.cancel()
            await asyncio.gather(measuring, return_exceptions=True)

    async def _measure(self) -> None:
        while True:
            keys = [each.key for each in self.machinery.store.entries("horizontalpodautoscalers")]
            if keys:
                await self._ask_kubelets()
            for key in keys:
                self.queue.add(key)
            await asyncio.sleep(PERIOD * self._scale)

    async def _ask_kubelets(self) -> None:
        found: dict[tuple[str, str], Mapping[str, float]] = {}
        for agent in tuple(self._nodes.values()):
            for pod in (await agent.usage()).pods:
                values = pod.containers.values()
                found[pod.namespace, pod.name] = {
                    "cpu": sum(each.cpu for each in values),
                    "memory": float(sum(each.memory for each in values)),
                }
        self._usage = found

    # -- one autoscaler

    def reconcile(self, key: Key) -> float | None:
        """Sizes one workload."""
        autoscaler = self.machinery.find(*key)
        if autoscaler is None:
            self._histories.pop(key, None)
            return None
        found = self._target(autoscaler)
        if found is None:
            reference = autoscaler["spec"]["scaleTargetRef"]
            group = reference.get("apiVersion", "").partition("/")[0]
            missing = f'{reference["kind"].lower()}s.{group} "{reference["name"]}" not found'
            message = f"the HPA controller was unable to get the target's current scale: {missing}"
            self.event(autoscaler, "Warning", "FailedGetScale", missing)
            self._report(key, autoscaler, [condition("AbleToScale", False, "FailedGetScale", message)])
            return None
        self._size(key, autoscaler, *found)
        return None

    def _target(self, autoscaler: Object) -> tuple[Key, Object] | None:
        reference = autoscaler["spec"]["scaleTargetRef"]
        kind = BY_KIND.get((reference.get("apiVersion", "apps/v1"), reference["kind"]))
        if not kind or not kind.scaled:
            return None
        key = Key(kind.name, autoscaler["metadata"]["namespace"], reference["name"])
        found = self.machinery.find(*key)
        return (key, found) if found else None

    def _size(self, key: Key, autoscaler: Object, target: Key, workload: Object) -> None:
        current = workload["spec"].get("replicas", 1)
        able = condition("AbleToScale", True, "ReadyForNewScale", "recommended size matches current size")
        if current == 0:
            message = "scaling is disabled since the replica count of the target is zero"
            off = condition("ScalingActive", False, "ScalingDisabled", message)
            self._report(key, autoscaler, [able, off], current=0, desired=0)
        elif (desired := _within(autoscaler, current)) != current:
            bound = "below Spec.MinReplicas" if desired > current else "above Spec.MaxReplicas"
            able = self._rescale(key, autoscaler, target, current, desired, f"Current number of replicas {bound}")
            self._report(key, autoscaler, [able], current, desired)
        else:
            self._size_by_use(key, autoscaler, target, workload, current)

    def _size_by_use(self, key: Key, autoscaler: Object, target: Key, workload: Object, current: int) -> None:
        able = condition("AbleToScale", True, "ReadyForNewScale", "recommended size matches current size")
        try:
            readings = self._readings(autoscaler, workload, current)
        except ValueError as error:
            message = f"the HPA was unable to compute the replica count: {error}"
            self.event(autoscaler, "Warning", "FailedGetResourceMetric", str(error))
            first = f"first error is: failed to get cpu resource metric value: {error}"
            invalid = f"invalid metrics (1 invalid out of 1), {first}"
            self.event(autoscaler, "Warning", "FailedComputeMetricsReplicas", invalid)
            failed = condition("ScalingActive", False, "FailedGetResourceMetric", message)
            self._report(key, autoscaler, [condition("AbleToScale", True, "SucceededGetScale", _GOT), failed], current)
            return
        proposed = max(reading.replicas for reading, _ in readings)
        desired, limited = self._history(key).limit(autoscaler, current, proposed)
        if desired != current:
            reason = _ABOVE if desired > current else _BELOW
            able = self._rescale(key, autoscaler, target, current, desired, reason)
        active = condition("ScalingActive", True, "ValidMetricFound", _COUNTED)
        self._report(key, autoscaler, [able, active, limited], current, desired, [each for _, each in readings])

    def _readings(self, autoscaler: Object, workload: Object, current: int) -> list[tuple[Reading, Object]]:
        """What each metric calls for, and how it shows in the status.

        Raises:
            ValueError: a metric cannot be read.
        """
        selector = Selector.of(workload["spec"].get("selector")) or Selector()
        namespace = workload["metadata"]["namespace"]
        pods = [each for each in self._pods.space(namespace) if each.active and selector.matches(each.labels)]
        found = []
        for metric in autoscaler["spec"]["metrics"]:
            if metric["type"] != "Resource":
                raise ValueError(f"metrics of type {metric['type']} are not available in this cluster")
            name, target = metric["resource"]["name"], dict(metric["resource"]["target"])
            if "averageValue" in target:
                target["averageValue"] = quantity.parse(target["averageValue"])
            reading = autoscaling.read(pods, self._used(pods, name), name, target, current)
            found.append((reading, _shown(name, reading)))
        return found

    def _used(self, pods: list[Pod], resource: str) -> dict[str, float]:
        now, seconds = times.now(), autoscaling.SETTLING * self._scale if resource == "cpu" else 0.0
        known = [each for each in pods if autoscaling.settled(each, now, seconds)]
        found = ((each.uid, self._usage.get((each.key.namespace, each.key.name))) for each in known)
        return {uid: values[resource] for uid, values in found if values and resource in values}

    def _history(self, key: Key) -> History:
        return self._histories.setdefault(key, History(self._scale))

    def _rescale(self, key: Key, autoscaler: Object, target: Key, current: int, desired: int, reason: str) -> Object:
        def change(obj: Object) -> None:
            obj["spec"]["replicas"] = desired

        message = f"New size: {desired}; reason: {reason}"
        try:
            self.machinery.mutate(*target, change, subresource="scale")
        except StatusError as error:
            self.event(autoscaler, "Warning", "FailedRescale", f"{message}; error: {error.message}")
            raise
        self._history(key).note_change(desired - current)
        self.event(autoscaler, "Normal", "SuccessfulRescale", message)
        shown = f"the HPA controller was able to update the target scale to {desired}"
        return condition("AbleToScale", True, "SucceededRescale", shown)

    def _report(
        self,
        key: Key,
        autoscaler: Object,
        conditions: list[Object],
        current: int | None = None,
        desired: int | None = None,
        metrics: list[Object] | None = None,
    ) -> None:
        before = autoscaler.get("status") or {}
        status = {name: value for name, value in before.items() if name == "lastScaleTime"}
        if current := before.get("currentReplicas", 0) if current is None else current:
            status["currentReplicas"] = current
        status["desiredReplicas"] = before.get("desiredReplicas", 0) if desired is None else desired
        if desired is not None and desired != current:
            status["lastScaleTime"] = times.time()
        if metrics is not None:
            status["currentMetrics"] = metrics
        status["conditions"] = merge(before.get("conditions"), *conditions)
        set_status(self.machinery, key, status)


def _specified(change: Change) -> Iterable[Key]:
    """New or differently specified autoscalers are looked at without waiting for the period."""
    previous = change.previous
    return () if previous and previous.object["spec"] == change.object["spec"] else (change.entry.key,)


_GOT = "the HPA controller was able to get the target's current scale"
_COUNTED = (
    "the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)"
)
_ABOVE, _BELOW = "cpu resource utilization (percentage of request) above target", "All metrics below target"


def _within(autoscaler: Object, current: int) -> int:
    """The number of replicas that lies within the bounds, whatever is used."""
    spec = autoscaler["spec"]
    return int(min(max(current, spec.get("minReplicas", 1)), spec["maxReplicas"]))


def _shown(resource: str, reading: Reading) -> Object:
    average = f"{round(reading.average * 1000)}m" if resource == "cpu" else str(round(reading.average))
    current: Object = {"averageValue": average}
    if reading.utilization is not None:
        current["averageUtilization"] = reading.utilization
    return {"type": "Resource", "resource": {"name": resource, "current": current}}
