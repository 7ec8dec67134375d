"""`python -m benchmarks [NAME...]`: prints name, figure, budget and method. Asserts nothing; `!` marks a miss."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from importlib import import_module

from benchmarks.measured import Measured

_LATER = "in one process, against an embedded cluster of its own"
_SINGLE: dict[str, dict[str, tuple[str, str, float | None]]] = {
    "sandbox_api": {
        "pod_ready_seconds": ("sandbox: pod with an instant process ready", "s", 1.5),
        "writes_per_second": ("sandbox: writes, 16 connections", "/s", 1000),
        "virtual_pods_up_seconds": ("sandbox: 10,000 virtual pods up", "s", None),
        "virtual_pods_rest_cpu_percent": ("sandbox: 10,000 virtual pods at rest, CPU", "%", None),
        "virtual_pods_memory_mb": ("sandbox: memory of 10,000 virtual pods", "MB", 500),
        "virtual_churn_writes_per_second": ("sandbox: writes of the churn", "/s", None),
        "virtual_churn_cpu_percent": ("sandbox: CPU of the churn", "%", None),
    },
    "watch": {
        "list_10k_pods_seconds": ("watch: 10,000 pods listed", "s", None),
        "watch_cpu_percent": ("watch: CPU of 500 changes/s", "%", None),
        "decode_us_per_event": ("watch: a change decoded and translated", "us", 25),
    },
    "observe": {
        "first_view_seconds": ("observe: first view of 10,000 pods", "s", None),
        "cpu_percent": ("observe: CPU of 500 changes/s", "%", 10),
        "memory_after_mb": ("observe: memory of 10,000 pods", "MB", 150),
        "longest_view_ms": ("observe: longest view", "ms", None),
    },
}
_WHOLE = ("commands", "terminal", "rollout")


def main() -> int:
    """Runs the benchmarks that are named, or all."""
    names = (*_WHOLE, *_SINGLE)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; default: all")
    asked = parser.parse_args().names or names
    if unknown := set(asked) - set(names):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}", flush=True)
    for name in asked:
        for row in _measure(name):
            print(row, flush=True)
    return 0


def _measure(name: str) -> Iterator[Measured]:
    run = import_module(f"benchmarks.{name}").run
    return run() if name in _WHOLE else _of_one(name, run)


def _of_one(name: str, run: Callable[[], dict[str, float]]) -> Iterator[Measured]:
    figures = run()
    for key, (title, unit, budget) in _SINGLE[name].items():
        if key in figures:
            yield Measured(title, float(figures[key]), unit, budget, _LATER, least=unit == "/s")


if __name__ == "__main__":
    sys.exit(main())
