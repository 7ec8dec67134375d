"""A measured figure beside its budget."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """One row of the table.

    Attributes:
        name: what was measured.
        value: the figure.
        unit: of figure and budget.
        budget: what it should keep to; None if nothing was promised.
        method: how it was measured, in one line.
        least: whether the budget is to be reached instead of kept under.
    """

    name: str
    value: float
    unit: str
    budget: float | None
    method: str
    least: bool = False

    def __str__(self) -> str:
        met = self.budget is None or (self.value >= self.budget if self.least else self.value <= self.budget)
        budget = "" if self.budget is None else f"{'>=' if self.least else '<='} {self.budget:g} {self.unit}"
        figure = f"{self.value:,.3g}" if self.value < 1000 else f"{self.value:,.0f}"
        return f"{' ' if met else '!'} {self.name:<46} {f'{figure} {self.unit}':>14}  {budget:<14} {self.method}"


def median(name: str, values: Sequence[float], unit: str, budget: float | None, method: str) -> Measured:
    """The middle of several runs."""
    spread = f"median of {len(values)} ({min(values):.3g}-{max(values):.3g})"
    return Measured(name, statistics.median(values), unit, budget, f"{spread}; {method}")


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]
