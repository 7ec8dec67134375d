"""What disturbances show: scaling, restarts, a changed configuration, pods that end, connections."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from console.model.load import Load, failure_words, load_summary
from console.model.verify import catalogue
from console.model.verify.check import Finding
from console.model.wording import number, seconds


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was done to the stack: `problem` says why it did not come to a good end, empty if it did."""

    title: str
    seconds: float
    load: Load | None = None
    problem: str = ""

    @property
    def words(self) -> str:
        """In a line."""
        load = f"; {load_summary(self.load)}" if self.load else ""
        return f"{self.title}: {self.problem or seconds(self.seconds)}{load}"


def judge_scale(changes: Sequence[Change]) -> Finding:
    """Scaling up and back, by the requests that failed meanwhile."""
    lines = [each.words for each in changes]
    lines += [failure_words(failure) for each in changes if each.load for failure in each.load.failures]
    problems = [each for each in changes if each.problem]
    unmeasured = [each for each in changes if each.load is None or not each.load.requests]
    failed = sum(each.load.failed for each in changes if each.load)
    if not problems and unmeasured:
        why = next((each.load.problem for each in unmeasured if each.load), "") or "no request was sent meanwhile"
        return catalogue.SCALE.not_made(why, lines)
    return catalogue.SCALE.at_most(failed, 0, lines, ok=not failed and not problems)


def judge_restart(written: int, lost: Sequence[tuple[str, int]], changes: Sequence[Change]) -> Finding:
    """Restarts, by the records that could not be read afterwards; `lost` counts them after each restart."""
    most = max((count for _, count in lost), default=0)
    problems = [each for each in changes if each.problem]
    lines = [f"{count} of {number(written, 'record')} lost after: {title}" for title, count in lost if count]
    lines += [f"{number(written, 'record')} written before", *(each.words for each in changes)]
    return catalogue.RESTART.at_most(most, 0, lines, ok=not most and not problems)


def judge_config(effective: float | None, threshold: float, change: Change, unproven: str) -> Finding:
    """A changed key, by the seconds until every pod had it."""
    if change.problem:
        return catalogue.CONFIG.at_most(change.seconds, threshold, (change.words,), ok=False)
    if effective is None:
        return catalogue.CONFIG.not_made(unproven or "nobody could say when the pods had it", (change.words,))
    return catalogue.CONFIG.at_most(effective, threshold, (change.words,))


@dataclass(frozen=True, slots=True)
class Ending:
    """How a pod ended that was deleted under load.

    Attributes:
        service: whose pod it was.
        pod: its name.
        grace: seconds that it had for it.
        seconds: until it was gone; None if it was not in time.
        codes: exit codes by container, as far as they were seen.
        load: what became of requests meanwhile.
        alone: whether it was the only one of its service, so that requests had to fail.
    """

    service: str
    pod: str
    grace: float
    seconds: float | None
    codes: tuple[tuple[str, int], ...]
    load: Load | None
    alone: bool = False

    def wrong(self) -> Iterable[str]:
        """What is not as it should be."""
        if self.seconds is None:
            yield f"{self.pod} was not gone long after its grace period of {self.grace:g} s"
        for container, code in self.codes:
            if code:
                killed = ": it was killed" if code == _KILLED else ": it does not heed SIGTERM" if code == _TERM else ""
                yield f"{self.pod} {container} ended with {code}{killed}; it had {self.grace:g} s"
        if self.load and self.load.failed and not self.alone:
            yield from (f"{self.pod}: {failure_words(each)}" for each in self.load.failures)

    @property
    def words(self) -> str:
        """In a line."""
        codes = ", ".join(f"{name} {code}" for name, code in self.codes) or "not seen"
        load = f"; {load_summary(self.load)}" if self.load else ""
        alone = ", the only pod of its service" if self.alone else ""
        took = seconds(self.seconds) if self.seconds is not None else "not gone"
        return f"{self.pod}{alone}: {took} of {self.grace:g} s, exit codes: {codes}{load}"


_KILLED, _TERM = 137, 143
"""Exit codes of SIGKILL and of SIGTERM that nobody handles."""


def judge_shutdown(endings: Sequence[Ending]) -> Finding:
    """Pods that were deleted one after the other."""
    if not endings:
        return catalogue.SHUTDOWN.not_made("no service has a pod that could be deleted")
    wrong = [line for each in endings for line in each.wrong()]
    lines = [each.words for each in endings]
    unseen = [each for each in endings if not each.codes]
    if unseen and not wrong:
        names = ", ".join(each.service for each in unseen)
        return catalogue.SHUTDOWN.not_made(f"nobody told how the pods of {names} ended", lines)
    return catalogue.SHUTDOWN.none_wrong(wrong, "; ".join(lines))


@dataclass(frozen=True, slots=True)
class Sessions:
    """What a database tells: sessions now, and sessions that were ever begun."""

    now: int
    begun: int


def judge_pooling(
    before: Sessions, during: Sequence[Sessions], pods: int, per_pod: int, others: int, load: Load
) -> Finding:
    """Connections under load: no more at once than the pools have, and no new one for each request.

    Args:
        before: what the database told before.
        during: what it told meanwhile.
        pods: how many pods have a pool.
        per_pod: connections of one pool at most.
        others: connections of others.
        load: the requests.
    """
    bound = pods * per_pod + others
    # Whoever asks begins a session, each time.
    most, begun = max(each.now for each in during), max(0, during[-1].begun - before.begun - len(during))
    lines = (
        f"{number(most, 'connection')} at most, {pods} pods of {per_pod} and {others} of others",
        f"{number(begun, 'connection')} begun during {number(load.requests, 'request')}",
        load_summary(load),
    )
    # A pool that is not full yet may fill up meanwhile; beyond that every new connection is one without a pool.
    return catalogue.POOLING.at_most(max(most, begun), bound, lines)
