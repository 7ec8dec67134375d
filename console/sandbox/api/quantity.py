"""Quantities such as `250m`, `1.5Gi`, `1e3` (`k8s.io/apimachinery/pkg/api/resource`)."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
_DECIMAL = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal("1e3"),
    "M": Decimal("1e6"),
    "G": Decimal("1e9"),
    "T": Decimal("1e12"),
    "P": Decimal("1e15"),
    "E": Decimal("1e18"),
}
_SHAPE = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+))([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$")

PATTERN_ERROR = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


@lru_cache(maxsize=4096)
def parse(text: str | int | float) -> Decimal:
    """The amount in base units: cores, bytes, pieces.

    Raises:
        ValueError: not a quantity.
    """
    found = _SHAPE.match(str(text))
    if not found:
        raise ValueError(PATTERN_ERROR)
    number, unit = Decimal(found[1]), found[2] or ""
    if unit in _BINARY:
        return number * _BINARY[unit]
    return number * _DECIMAL[unit] if unit in _DECIMAL else number * Decimal(f"1{unit}")


def text(amount: Decimal, like: str = "") -> str:
    """The canonical text of an amount: binary units where `like` has them (or as many as divide it), else decimal."""
    if like.endswith("i"):
        for unit, factor in reversed(_BINARY.items()):
            if amount and amount % factor == 0:
                return f"{int(amount // factor)}{unit}"
    if amount == amount.to_integral_value():
        return _whole(int(amount))
    for unit in ("m", "u", "n"):
        if (amount / _DECIMAL[unit]) % 1 == 0:
            return f"{int(amount / _DECIMAL[unit])}{unit}"
    return f"{amount:f}"


def _whole(amount: int) -> str:
    for unit in ("E", "P", "T", "G", "M", "k"):
        factor = int(_DECIMAL[unit])
        if amount and amount % factor == 0:
            return f"{amount // factor}{unit}"
    return str(amount)


def canonical(given: str | int | float) -> str:
    """A quantity as the API stores it: `0.5` becomes `500m`, `1024Mi` becomes `1Gi`.

    Raises:
        ValueError: not a quantity.
    """
    found = _SHAPE.match(str(given))
    return text(parse(given), like=(found[2] or "") if found else "")
