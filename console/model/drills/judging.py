"""What a drill measured, and whether that is what the stack expects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from console.model.drills.catalogue import CATALOGUE, LIMIT, RECOVER_WITHIN, Kind
from console.model.load import Load
from console.model.wording import latency, number, seconds


@dataclass(frozen=True, slots=True)
class DrillSource:
    """A drill as it is asked for, in a stack's file or on the command line.

    Attributes:
        kind: which of the catalogue.
        service: which service it harms.
        options: what is said about it, by name.
        suites: the suites that it is part of.
        recover_within: seconds within which the service is to be ready again.
        failed_requests: how many may fail; None: as many as the kind allows.
        limit: seconds after which it ends, whatever became of it.
        protected: the protected targets that it may be run on.
    """

    kind: str
    service: str
    options: tuple[tuple[str, str], ...] = ()
    suites: tuple[str, ...] = ()
    recover_within: float = RECOVER_WITHIN
    failed_requests: int | None = None
    limit: float = LIMIT
    protected: tuple[str, ...] = ()

    @property
    def about(self) -> str:
        """Which drill it is, in words."""
        return f"{self.kind} of {self.service}"


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened `seconds` after the failure was injected, or `after` another moment."""

    name: str
    seconds: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DrillResult:
    """What a drill measured.

    Attributes:
        kind: which of the catalogue.
        service: which service it harmed.
        moments: what happened, in order; seconds since the injection.
        recovered: seconds until the service was ready again: since the injection where the cluster heals itself, else
            since the undo; None: it was not.
        requests: how many were sent meanwhile, None if none could be.
        failed: how many of them failed.
        p95: the time of answers in seconds.
        before: how long the last runs of the same drill took to recover, the newest first.
        problems: what was not as expected.
    """

    kind: str
    service: str
    moments: tuple[Moment, ...] = ()
    recovered: float | None = None
    requests: int | None = None
    failed: int = 0
    p95: float | None = None
    before: tuple[float, ...] = ()
    problems: tuple[str, ...] = ()

    def moment(self, name: str) -> Moment | None:
        """The moment of that name, None if it did not come."""
        return next((each for each in self.moments if each.name == name), None)

    @property
    def noticed(self) -> Moment | None:
        """Who noticed first, and when."""
        found = [each for each in self.moments if each.name.startswith("noticed")]
        return min(found, key=lambda each: each.seconds, default=None)


def judge(
    source: DrillSource,
    moments: Sequence[Moment],
    load: Load | None,
    before: Sequence[float] = (),
    harm: Sequence[str] = (),
) -> DrillResult:
    """The result of a drill that came to its end.

    Args:
        source: what was asked for.
        moments: what happened.
        load: what became of requests, None if none were sent.
        before: how long the last runs took to recover.
        harm: what went wrong besides.
    """
    kind = CATALOGUE[source.kind]
    measured = load if load is not None and load.requests else None
    found = DrillResult(
        source.kind,
        source.service,
        tuple(sorted(moments, key=lambda each: each.seconds)),
        _recovered(kind, moments),
        measured.requests if measured else None,
        measured.failed if measured else 0,
        measured.p95 if measured else None,
        tuple(before),
    )
    return replace(found, problems=(*_problems(source, kind, found), *harm))


def _recovered(kind: Kind, moments: Sequence[Moment]) -> float | None:
    at = {each.name: each.seconds for each in moments}
    if "ready" not in at:
        return None
    return round(at["ready"] - (0.0 if kind.heals else at.get("undone", 0.0)), 3)


def _problems(source: DrillSource, kind: Kind, found: DrillResult) -> Iterator[str]:
    if found.noticed is None and kind.must_be_noticed:
        yield "nobody noticed it: no probe, no status, no request"
    if found.recovered is None:
        yield "it was not ready again"
    elif found.recovered > source.recover_within:
        yield f"ready again after {seconds(found.recovered)}, expected within {seconds(source.recover_within)}"
    if found.requests is None:
        if source.failed_requests is not None:
            yield "failed requests are expected to be counted, and none could be sent"
        return
    allowed = kind.failed_requests if source.failed_requests is None else source.failed_requests
    if allowed is not None and found.failed > allowed:
        yield f"{found.failed:,} of {number(found.requests, 'request')} failed, expected at most {allowed:,}"


def result_words(result: DrillResult) -> str:
    """What was measured, in one line."""
    first = result.noticed
    parts = [f"noticed after {seconds(first.seconds)} ({first.name.partition(' ')[2]})" if first else "unnoticed"]
    if moved := result.moment("rescheduled"):
        parts.append(f"started anew after {seconds(moved.seconds)}")
    if result.recovered is not None:
        since = "" if CATALOGUE[result.kind].heals else " after the undo"
        parts.append(f"ready again {'' if since else 'after '}{seconds(result.recovered)}{since}")
    if result.before:
        parts.append(f"before: {', '.join(map(seconds, result.before))}")
    if result.requests is not None:
        parts.append(f"{result.failed:,} of {number(result.requests, 'request')} failed, p95 {latency(result.p95)}")
    return ", ".join(parts)
