"""CPU and memory of containers, measured on processes that use what the test says."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from console.sandbox.kubelet import usage
from console.sandbox.kubelet.usage import Sampler
from tests.cluster import Cluster, ready
from tests.sandbox.kubelet.pods import container, pod, run

BUSY = """
import time
while (told := time.process_time()) < 0.2:
    pass
print("ready", flush=True)
while True:
    if time.process_time() - told > 0.5:
        told = time.process_time()
        print("half a second", flush=True)
"""
BIG = "x = bytearray(200 << 20)\nprint('ready', flush=True)\nimport time\ntime.sleep(600)"
SPENT = "import time\nwhile time.process_time() < 0.3: pass"


@pytest.fixture
def shim() -> Iterator[type[subprocess.Popen[str]]]:
    """Starts something below a parent, as a container's process is below its shim."""
    started: list[subprocess.Popen[str]] = []

    def start(script: str) -> subprocess.Popen[str]:
        outer = f"import subprocess, sys\nfor _ in sys.stdin:\n subprocess.run([sys.executable, '-c', {script!r}])"
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen([sys.executable, "-u", "-c", outer], process_group=0, **pipes))
        started[-1].stdin.write("go\n")
        started[-1].stdin.flush()
        return started[-1]

    yield start
    for each in started:
        os.killpg(each.pid, 9)
        each.communicate()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "SHORTEST_WINDOW", 0.2)


async def test_a_process_that_never_rests_uses_what_the_system_gives_it(shim) -> None:
    busy = shim(BUSY)
    busy.stdout.readline()
    sampler: Sampler[str] = Sampler()
    first = await sampler.sample({"busy": busy.pid})
    assert first.usage["busy"].cpu > 0.05  # since it began
    begun = time.monotonic()
    assert busy.stdout.readline() == "half a second\n"
    second = await sampler.sample({"busy": busy.pid})
    assert second.usage["busy"].cpu == pytest.approx(0.5 / (time.monotonic() - begun), rel=0.3)
    assert second.window == pytest.approx(time.monotonic() - begun, abs=0.3)


async def test_memory_is_that_of_all_processes_below_the_shim_and_not_its_own(shim) -> None:
    big = shim(BIG)
    assert big.stdout.readline() == "ready\n"
    sample = await Sampler[str]().sample({"big": big.pid})
    assert 200 << 20 <= sample.usage["big"].memory < 260 << 20


async def test_the_time_of_processes_that_have_ended_counts(shim) -> None:
    spent = shim(SPENT + "\nprint('done', flush=True)")
    sampler: Sampler[str] = Sampler()
    await sampler.sample({"spent": spent.pid})
    begun = time.monotonic()
    assert spent.stdout.readline() == "done\n"
    spent.stdin.write("go\n")
    spent.stdin.flush()
    assert spent.stdout.readline() == "done\n"
    sample = await sampler.sample({"spent": spent.pid})
    assert sample.usage["spent"].cpu * (time.monotonic() - begun) > 0.3


async def test_one_that_has_ended_is_left_out(shim) -> None:
    sample = await Sampler[str]().sample({"gone": 2**22 - 1})
    assert sample.usage == {}


async def test_who_asks_again_at_once_gets_the_last_answer(shim) -> None:
    busy = shim(BUSY)
    busy.stdout.readline()
    sampler: Sampler[str] = Sampler()
    assert await sampler.sample({"busy": busy.pid}) is await sampler.sample({"busy": busy.pid})


async def test_a_look_at_the_whole_machine_is_cheap(shim) -> None:
    sampler: Sampler[str] = Sampler()
    begun = time.process_time()
    await sampler.sample({"self": os.getpid()})
    assert time.process_time() - begun < 0.5


def test_top_shows_what_a_pod_uses(cluster: Cluster) -> None:
    name = run(cluster, pod(container(["python", "-c", BUSY])))
    cluster.until("pods", name, ready)
    path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{cluster.namespace}/pods/{name}"
    deadline, used = time.monotonic() + 10, 0
    while not used and time.monotonic() < deadline:
        [main] = cluster.request("GET", path)["containers"]
        used = int(main["usage"]["cpu"].removesuffix("n"))
    assert main["name"] == "main"
    assert used > 10_000_000
    assert int(main["usage"]["memory"].removesuffix("Ki")) > 1000
