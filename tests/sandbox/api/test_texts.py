"""Quantities, ages, selectors: small languages that must read and write as Kubernetes does."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.sandbox.api import quantity
from console.sandbox.api.durations import human
from console.sandbox.api.selectors import Selector


@pytest.mark.parametrize(
    ("text", "amount", "canonical"),
    [
        ("0.5", "0.5", "500m"),
        ("100m", "0.1", "100m"),
        ("1000m", "1", "1"),
        ("1024Mi", "1073741824", "1Gi"),
        ("1.5Gi", "1610612736", "1536Mi"),
        ("1000", "1000", "1k"),
        ("1e3", "1000", "1k"),
        ("129M", "129000000", "129M"),
        ("0", "0", "0"),
        ("250000000n", "0.25", "250m"),
    ],
)
def test_quantities(text: str, amount: str, canonical: str) -> None:
    assert quantity.parse(text) == Decimal(amount)
    assert quantity.canonical(text) == canonical


@pytest.mark.parametrize("text", ["", "x", "1 Gi", "1gi", "--1", "1.2.3"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="quantities must match the regular expression"):
        quantity.parse(text)


@given(st.integers(0, 10**15), st.sampled_from(["", "m", "k", "M", "Ki", "Mi", "Gi"]))
def test_the_canonical_text_is_the_same_amount(number: int, unit: str) -> None:
    text = f"{number}{unit}"
    assert quantity.parse(quantity.canonical(text)) == quantity.parse(text)
    assert quantity.canonical(quantity.canonical(text)) == quantity.canonical(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (200, "3m20s"),
        (3600, "60m"),
        (3 * 3600, "3h"),
        (4 * 3600 + 300, "4h5m"),
        (47 * 3600, "47h"),
        (50 * 3600, "2d2h"),
        (20 * 86400, "20d"),
        (800 * 86400, "2y70d"),
        (9 * 365 * 86400, "9y"),
    ],
)
def test_ages(seconds: int, text: str) -> None:
    assert human(seconds) == text


@pytest.mark.parametrize("text", ["a=b", "a", "!a", "a in (x,y)", "a notin (x),b=c", "a>5"])
def test_a_selector_reads_what_it_writes(text: str) -> None:
    assert Selector.parse(str(Selector.parse(text))) == Selector.parse(text)


def test_no_selector_is_not_the_empty_selector() -> None:
    assert Selector.of(None) is None
    everything = Selector.of({})
    assert everything
    assert everything.matches({"any": "thing"})
