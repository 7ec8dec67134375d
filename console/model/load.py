"""Requests that are sent to a stack while a run changes it: samples in, figures out. Pure, and bounded in memory."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from console.model.wording import latency, number, seconds

DEFAULT_RATE = 20.0
LOWEST_RATE, HIGHEST_RATE = 1.0, 200.0
"""Requests a second, where nobody says how many; and the bounds of what can be said."""
URL_PATH = r"^/[!-~]*$"
"""How a path looks that can be asked for: with its query, in ASCII."""
SECONDS_KEPT = 120
"""Of so many last seconds a chart can be drawn."""
_KINDS = 50
_OTHERS = "other reasons"


@dataclass(frozen=True, slots=True)
class Sample:
    """One request that has ended `at` a moment, `seconds` after it was sent (any clock, in seconds).

    `reason` says why it failed, empty if it was answered; `pod` names who failed it, empty where that is not known.
    """

    at: float
    seconds: float
    reason: str = ""
    pod: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Requests that failed for one reason, by one pod."""

    reason: str
    pod: str
    count: int


@dataclass(frozen=True, slots=True)
class LoadSecond:
    """What ended in one second: `p95` is the time of answers in seconds, None if none came."""

    at: float
    requests: int
    failed: int
    p95: float | None


@dataclass(frozen=True, slots=True)
class Steady:
    """How it was before the first change; fields as in `Load`."""

    requests: int
    failed: int
    p95: float | None


@dataclass(frozen=True, slots=True)
class Load:
    """What became of all requests so far.

    Counting begins with the first answer: what is not up yet cannot fail. Without any answer everything counts.

    Attributes:
        target: what they were sent to, in words.
        rate: how many a second were to be sent.
        seconds: from the first that counts until now.
        requests: how many have ended, the failed ones among them.
        failed: how many failed.
        failures: by reason and pod, the most frequent first.
        p50: half of the answers came within so many seconds; None without answers. `p95` and `p99` are the like.
        longest_gap: the longest time without an answer, in seconds.
        steady: how it was before the first change, None where nothing answered then.
        first_answer: seconds until the first answer came, None if none did.
        unanswered: how many failed before it.
        held_back: how many were not sent because too many others were under way.
        problem: why nothing was measured, or not to the end; empty if it was.
    """

    target: str
    rate: float
    seconds: float = 0.0
    requests: int = 0
    failed: int = 0
    failures: tuple[Failure, ...] = ()
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    longest_gap: float = 0.0
    steady: Steady | None = None
    first_answer: float | None = None
    unanswered: int = 0
    held_back: int = 0
    problem: str = ""

    @property
    def ok(self) -> bool:
        """True if something was measured, and nothing failed."""
        return self.requests > 0 and not self.failed

    @property
    def achieved(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds if self.seconds > 0 else 0.0


class Spread:
    """Times by their size: buckets that grow by 5 %, so that every quantile is right to 2.5 % in a fixed memory."""

    _FLOOR, _GROWTH, _LAST = 1e-4, 1.05, 300

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self._total = 0

    def add(self, value: float) -> None:
        """Takes a time in seconds."""
        place = math.ceil(math.log(max(value, self._FLOOR) / self._FLOOR, self._GROWTH))
        self._buckets[min(place, self._LAST)] += 1
        self._total += 1

    def quantile(self, share: float) -> float | None:
        """The time that this share of all does not exceed, by nearest rank; None without any."""
        rank, seen = max(1, math.ceil(share * self._total)), 0
        for place in sorted(self._buckets):
            seen += self._buckets[place]
            if seen >= rank:
                return float(self._FLOOR * self._GROWTH ** (place - 0.5 if place else 0))
        return None


@dataclass(slots=True)
class Tally:
    """Counts the requests of one run.

    Args:
        target: what they are sent to, in words.
        rate: how many a second are to be sent.
        begun: when, by the clock of the samples.
    """

    target: str
    rate: float
    begun: float
    problem: str = ""
    held_back: int = 0
    _first: float | None = None
    _last: float = 0.0
    _gap: float = 0.0
    _answered: int = 0
    _early: Counter[tuple[str, str]] = field(default_factory=Counter)
    _failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    _times: Spread = field(default_factory=Spread)
    _steady: Steady | None = None
    _second: list[Sample] = field(default_factory=list)

    def add(self, sample: Sample) -> None:
        """Takes a request that has ended."""
        self._second.append(sample)
        if sample.reason:
            # One that was sent before the first answer may end after it.
            early = self._first is None or sample.at - sample.seconds < self._first
            _count(self._early if early else self._failures, sample)
            return
        if self._first is None:
            self._first = self._last = sample.at
        self._answered += 1
        self._gap = max(self._gap, sample.at - self._last)
        self._last = max(self._last, sample.at)
        self._times.add(sample.seconds)

    def changes_begin(self) -> None:
        """What came so far is how it was before."""
        if self._answered:
            failed = self._failures.total()
            self._steady = Steady(self._answered + failed, failed, self._times.quantile(0.95))

    def second(self, at: float) -> LoadSecond:
        """What ended since this was last asked; `at` is in seconds since the epoch."""
        ended, self._second = self._second, []
        times = sorted(each.seconds for each in ended if not each.reason)
        p95 = times[math.ceil(0.95 * len(times)) - 1] if times else None
        return LoadSecond(at, len(ended), len(ended) - len(times), p95)

    def load(self, now: float) -> Load:
        """The figures so far."""
        begun = self.begun if self._first is None else self._first
        failures = self._early if self._first is None else self._failures
        failed = failures.total()
        return Load(
            target=self.target,
            rate=self.rate,
            seconds=round(max(0.0, now - begun), 3),
            requests=self._answered + failed,
            failed=failed,
            failures=tuple(Failure(*key, count) for key, count in failures.most_common()),
            p50=self._times.quantile(0.5),
            p95=self._times.quantile(0.95),
            p99=self._times.quantile(0.99),
            longest_gap=round(max(self._gap, now - (self._last or begun)), 3),
            steady=self._steady,
            first_answer=None if self._first is None else round(self._first - self.begun, 3),
            unanswered=0 if self._first is None else self._early.total(),
            held_back=self.held_back,
            problem=self.problem,
        )


def _count(failures: Counter[tuple[str, str]], sample: Sample) -> None:
    key = (sample.reason, sample.pod)
    failures[key if key in failures or len(failures) < _KINDS else (_OTHERS, "")] += 1


def is_plain_path(path: str) -> bool:
    """True for a path that leads nowhere but below the address it is asked at: no `..`, however it is written."""
    parts = unquote(path.partition("?")[0]).split("/")
    return re.fullmatch(URL_PATH, path) is not None and not {".", ".."} & set(parts)


def with_rates(words: Sequence[str]) -> list[str]:
    """A command line in which `--probe-load` and its rate are one word: what follows it may be the name of a stack."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] == "--probe-load":
            rate = re.fullmatch(r"[\d.]+", word)
            joined[-1:] = [f"--probe-load={word}"] if rate else ["--probe-load=", word]
        else:
            joined.append(word)
    return joined


def load_summary(load: Load) -> str:
    """The figures in one line: `20.0 requests/s, none of 1,200 failed, p50 4 ms, p95 9 ms, p99 12 ms`."""
    if not load.requests:
        return load.problem or "no request has ended yet"
    if load.first_answer is None:
        return f"none of {number(load.requests, 'request')} was answered"
    failed = f"{load.failed:,} of {load.requests:,} failed" if load.failed else f"none of {load.requests:,} failed"
    names = (("p50", load.p50), ("p95", load.p95), ("p99", load.p99))
    times = ", ".join(f"{name} {latency(value)}" for name, value in names if value is not None)
    return f"{load.achieved:.1f} requests/s, {failed}" + (f", {times}" if times else "")


def load_words(load: Load) -> list[str]:
    """The figures in full, for a verdict: one line each, the first with the target."""
    lines = [f"{load_summary(load)}; to {load.target} for {seconds(load.seconds)}"]
    lines += [failure_words(each) for each in load.failures]
    if load.requests:
        before = f"; before the change p95 was {latency(load.steady.p95)}" if load.steady and load.steady.p95 else ""
        lines.append(f"longest time without an answer {latency(load.longest_gap)}{before}")
    if load.unanswered:
        lines.append(
            f"the first answer came after {seconds(load.first_answer or 0.0)}; what failed before is not counted"
        )
    if load.held_back:
        lines.append(f"{number(load.held_back, 'request')} not sent: too many others were under way")
    if load.problem and load.requests:
        lines.append(load.problem)
    return lines


def failure_words(failure: Failure) -> str:
    """`3 failed: 503 Service Unavailable, by backend-7c9f-2xk`."""
    return f"{failure.count:,} failed: {failure.reason}" + (f", by {failure.pod}" if failure.pod else "")
