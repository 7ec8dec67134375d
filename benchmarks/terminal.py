"""The console on a terminal: how soon it is there, at rest, over ten thousand pods, and over a torrent of logs."""

from __future__ import annotations

import random
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measured import Measured, median, percentile
from benchmarks.place import ROOT, Place, place
from benchmarks.screen import Screen

PODS, SERVICES, NODES, CHANGES = 10_000, 100, 4, 500
LINES = 50_000
KEYS = 200
WINDOW = 20.0
_NARROWING = rb"egular expression"

_STACK = "apiVersion: stack-console/v1\nname: {name}\nnamespace: default\ndefault_target: sandbox\nservices:\n"
_TARGET = "targets:\n  sandbox: {kind: sandbox}\n"
_DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      nodeSelector: {{{selector}}}
      tolerations: [{{operator: Exists}}]
      terminationGracePeriodSeconds: 1
      containers: [{{name: main, image: busybox, command: {command}}}]
"""
_TALK = (
    "import sys, time\nn = 0\nstart = time.monotonic()\nwhile True:\n"
    "    due = int((time.monotonic() - start) * {rate})\n"
    "    sys.stdout.write(''.join(f'{{i}} GET /items/{{i % 97}} 200 in {{i % 13}} ms\\n' for i in range(n, due)))\n"
    "    sys.stdout.flush()\n    n = due\n    time.sleep(0.01)\n"
)


def run() -> Iterator[Measured]:
    """Measures in places of their own; takes about four minutes."""
    with place() as here:
        here.run("sandbox", "up")
        yield from _small(here)
        yield from _logs(here)
    with place() as here:
        here.run("sandbox", "up", "--virtual-nodes", str(NODES))
        yield from _many(here)


def _small(here: Place) -> Iterator[Measured]:
    stack = str(shutil.copytree(ROOT / "stacks" / "hello", here.folder / "hello"))
    here.run("deploy", stack, "--headless")
    frames, grids = zip(*(_start(here, stack) for _ in range(8)), strict=True)
    yield median("console: first frame", frames[1:], "s", 0.3, "from exec to the panes on a pseudo-terminal, 140x40")
    yield median("console: live grid", grids[1:], "s", 1, "from exec to the rows of running pods")
    with Screen(here, stack) as screen:
        screen.until(rb"hello-\S+ +\S+ Running")
        screen.drain(5)
        rest = [screen.cpu_percent(10) for _ in range(3)]
    yield median("console at rest: CPU", rest, "%", 1, "of one core over 10 s; two pods with probes")


def _start(here: Place, stack: str) -> tuple[float, float]:
    with Screen(here, stack) as screen:
        screen.until(rb"Pods and probes")
        frame = time.perf_counter() - screen.started
        screen.until(rb"hello-\S+ +\S+ Running")
        return frame, time.perf_counter() - screen.started


def _logs(here: Place) -> Iterator[Measured]:
    command = f"[{sys.executable}, -c, {_TALK.format(rate=LINES * 1.02)!a}]".replace("\\'", "''")
    stack = _write(here.folder / "talk", ["talk"], 1, "", command)
    here.run("deploy", stack, "--headless")
    with Screen(here, stack) as screen:
        screen.until(rb"talk-\S+ +\S+ Running")
        screen.press("l")
        screen.until(rb"following")
        screen.drain(5)
        before, start = _lines(screen), time.perf_counter()
        answers = [_narrow(screen) for _ in range(40)]
        rate = (_lines(screen) - before) / (time.perf_counter() - start)
        cpu = screen.cpu_percent(10)
    here.run("destroy", stack, "--yes", "--headless")
    method = f"slowest of 40 keys while {rate:,.0f} lines/s are followed, key to its effect drawn; CPU {cpu:.0f} %"
    yield Measured("logs: longest stall", max(answers) * 1000, "ms", 100, method)
    yield Measured("logs: followed", rate, "lines/s", LINES, "by the screen's own count of lines", least=True)


def _lines(screen: Screen) -> int:
    return int(screen.until(rb"following +([0-9,]+) line").group(1).replace(b",", b""))


def _narrow(screen: Screen) -> float:
    """Opens the filter, and closes it."""
    screen.drain(random.uniform(0.1, 0.2))  # keys must not keep step with the drawing
    start = time.perf_counter()
    screen.press("/")
    screen.until(_NARROWING)
    answer = time.perf_counter() - start
    screen.press("\x1b")
    screen.drain(0.2)
    return answer


def _many(here: Place) -> Iterator[Measured]:
    names = [f"virtual-{number}" for number in range(SERVICES)]
    stack = _write(here.folder / "virtual", names, PODS // SERVICES, "type: virtual", "[sleep, infinity]")
    here.run("deploy", stack, "--headless")
    with Screen(here, stack) as screen:
        screen.until(b"10,000 pods")
        grid = time.perf_counter() - screen.started
        _churn(here)
        screen.drain(5)
        cpu = screen.cpu_percent(WINDOW)
        answers = list(_steps(screen))
        memory = screen.process.memory_info().rss / 1e6
    about = f"{PODS:,} virtual pods, {CHANGES} changes a second"
    yield Measured("many pods: all listed", grid, "s", None, "from exec to their number on the screen")
    p95 = percentile(answers, 0.95) * 1000
    yield Measured("many pods: a key answered", p95, "ms", 30, f"p95 of {KEYS} steps of the cursor; {about}")
    yield Measured("many pods: CPU", cpu, "%", 10, f"of one core over {WINDOW:.0f} s; {about}")
    yield Measured("many pods: memory", memory, "MB", 150, f"resident, whole process; {about}")


def _churn(here: Place) -> None:
    body = {"metadata": {"annotations": {"sandbox/changes-per-second": str(CHANGES / NODES)}}}
    for number in range(NODES):
        path = f"/api/v1/nodes/virtual-{number}"
        here.cluster().request("PATCH", path, body, "application/merge-patch+json")


def _steps(screen: Screen) -> Iterator[float]:
    """Moves the cursor down, each time until it is drawn at another pod."""
    at = screen.until(_cursor_beside(b"")).group(1)
    for _ in range(KEYS):
        screen.drain(random.uniform(0.05, 0.15))
        start = time.perf_counter()
        screen.press("j")
        at = screen.until(_cursor_beside(at)).group(1)
        yield time.perf_counter() - start


def _cursor_beside(pod: bytes) -> bytes:
    return rb"\xe2\x96\x8c +(?!%s )([a-z0-9-]+) " % pod


def _write(folder: Path, names: list[str], replicas: int, selector: str, command: str) -> str:
    """A stack of Deployments of one container each."""
    folder.mkdir()
    services = [f"  {name}: {{manifests: [{name}.yaml]}}\n" for name in names]
    (folder / "stack.yaml").write_text(_STACK.format(name=folder.name) + "".join(services) + _TARGET)
    for name in names:
        text = _DEPLOYMENT.format(name=name, replicas=replicas, selector=selector, command=command)
        (folder / f"{name}.yaml").write_text(text)
    return str(folder)
