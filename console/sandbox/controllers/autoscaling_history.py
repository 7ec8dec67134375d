"""What an autoscaler remembers: its advice and its changes, which dampen what it does next.

https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#configurable-scaling-behavior
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from console.sandbox.api import times
from console.sandbox.api.resources import Object
from console.sandbox.controllers.autoscaling import DOWN_WINDOW, rate_limit
from console.sandbox.controllers.status import condition


class History:
    """The past of one autoscaler.

    Args:
        time_scale: multiplies windows and periods.
    """

    def __init__(self, time_scale: float) -> None:
        self._scale = time_scale
        self._advice: deque[tuple[datetime, int]] = deque()
        self._changes: deque[tuple[datetime, int]] = deque(maxlen=100)

    def note_change(self, change: int) -> None:
        """Replicas were added, or removed."""
        self._changes.append((times.now(), change))

    def limit(self, autoscaler: Object, current: int, proposed: int) -> tuple[int, Object]:
        """The proposal within stabilization, the policies' rates and the bounds; and the condition ScalingLimited."""
        spec, behavior = autoscaler["spec"], autoscaler["spec"].get("behavior") or {}
        steady = self._stabilize(behavior, current, proposed)
        if steady > current:
            rated = min(steady, rate_limit(behavior.get("scaleUp"), current, self._changed(1), up=True))
        else:
            rated = max(steady, rate_limit(behavior.get("scaleDown"), current, self._changed(-1), up=False))
        least, most = spec.get("minReplicas", 1), spec["maxReplicas"]
        bounded = min(max(rated, least), most)
        return bounded, _limited(bounded, steady, least, most)

    def _stabilize(self, behavior: Object, current: int, proposed: int) -> int:
        """Takes the highest advice of the window before going down, the lowest before going up."""
        down = (behavior.get("scaleDown") or {}).get("stabilizationWindowSeconds", DOWN_WINDOW)
        up = (behavior.get("scaleUp") or {}).get("stabilizationWindowSeconds", 0)
        if not self._advice:
            self._advice.append((times.now(), current))
        self._advice.append((times.now(), proposed))
        while self._advice[0][0] < self._ago(max(up, down)):
            self._advice.popleft()
        lowest, highest = min(self._advised(up), default=proposed), max(self._advised(down), default=proposed)
        return lowest if lowest > current else highest if highest < current else current

    def _advised(self, seconds: float) -> list[int]:
        return [advice for moment, advice in self._advice if moment >= self._ago(seconds)]

    def _changed(self, sign: int) -> Callable[[float], int]:
        """How many replicas were added (1) or removed (-1) in the last so many seconds."""

        def within(seconds: float) -> int:
            recent = (change for moment, change in self._changes if moment > self._ago(seconds))
            return sum(sign * change for change in recent if sign * change > 0)

        return within

    def _ago(self, seconds: float) -> datetime:
        return times.now() - timedelta(seconds=seconds * self._scale)


def _limited(bounded: int, steady: int, least: int, most: int) -> Object:
    if bounded == steady:
        message = "the desired count is within the acceptable range"
        return condition("ScalingLimited", False, "DesiredWithinRange", message)
    if bounded < steady:
        bound, way, reasons = "more than the maximum", "increasing", ("TooManyReplicas", "ScaleUpLimit")
    else:
        bound, way, reasons = "less than the minimum", "decreasing", ("TooFewReplicas", "ScaleDownLimit")
    if bounded == (most if bounded < steady else least):
        return condition("ScalingLimited", True, reasons[0], f"the desired replica count is {bound} replica count")
    message = f"the desired replica count is {way} faster than the maximum scale rate"
    return condition("ScalingLimited", True, reasons[1], message)
