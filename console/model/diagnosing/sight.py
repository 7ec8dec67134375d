"""All that is known of one pod when it is diagnosed, and the words that findings are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from console.model.diagnosis import Cause, Diagnosis
from console.model.probing import Results
from console.model.surroundings import Surroundings
from console.model.workload import ClusterEvent, Container, ContainerState, Pod

LONGEST = 300
"""Characters of an evidence line."""
LOGS, CONFIG, DEPLOY = "[l] logs", "[C] config", "[D] deploy"


@dataclass(frozen=True, slots=True)
class Sight:
    """A pod and what is around it.

    Attributes:
        pod: the pod.
        events: about it, the newest first.
        probes: the last known results.
        clues: what a closer look brought: the last words of a container by its name, under "" what no node can give.
        around: what the stack stands on.
    """

    pod: Pod
    events: Sequence[ClusterEvent] = ()
    probes: Results = field(default_factory=dict)
    clues: Mapping[str, str] = field(default_factory=dict)
    around: Surroundings = field(default_factory=Surroundings)

    def event(self, *reasons: str, container: str = "", containing: str = "") -> ClusterEvent | None:
        """The newest event with one of these reasons, about that container if one is named."""
        for event in self.events:
            fits = event.reason in reasons and (not container or event.container in ("", container))
            if fits and containing in event.message:
                return event
        return None

    def who(self, container: Container) -> str:
        """Names the container where the pod has several: `container proxy `, with a blank at the end."""
        if len(self.pod.containers) == 1:
            return ""
        return f"{'init ' if container.init else ''}container {container.name} "

    def finding(
        self,
        cause: Cause,
        summary: str,
        *,
        terminal: bool = False,
        evidence: str = "",
        hints: tuple[str, ...] = (),
        since: float | None = None,
    ) -> Diagnosis:
        """A diagnosis of this pod."""
        pod = self.pod
        # Nobody is to blame for what only starts.
        changed = "" if cause is Cause.STARTING else self.around.changed.get(pod.service, "")
        return Diagnosis(
            cause, pod.service, f"pod/{pod.name}", terminal, summary, line(evidence), changed, hints, since
        )


def ends(container: Container) -> int:
    """How many runs of a container have ended; a restart counts from its beginning."""
    if container.state is ContainerState.RUNNING:
        return container.restarts
    return container.restarts + (container.ended is not None or container.last is not None)


def line(text: str) -> str:
    """A text as one line that fits on a screen."""
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST else flat[: LONGEST - 1] + "…"


def span(seconds: float) -> str:
    """A duration as people say it: `8 s`, `3 min`, `2 h`."""
    if seconds < 100:
        return f"{max(seconds, 0):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.0f} h"


def times(count: int) -> str:
    """`once`, `twice`, `4 times`."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
