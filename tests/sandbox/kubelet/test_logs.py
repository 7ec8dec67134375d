"""Container logs: what is read of them, following them, their rotation, and their cost."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from console.sandbox.api.ports import LogOptions
from console.sandbox.kubelet import logs, shim
from console.sandbox.kubelet.logs import ContainerLog
from tests.cluster import Cluster, Refused, ready
from tests.sandbox.kubelet.pods import FOREVER, container, last, once, pod, run, shell, terminated, waiting

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def record(number: int, text: str, stream: str = "stdout", kind: str = "F") -> bytes:
    """A stored line, written so many seconds after BEGIN."""
    moment = (BEGIN + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
    return f"{moment} {stream} {kind} {text}\n".encode()


@pytest.fixture
def log(tmp_path: Path) -> ContainerLog:
    return ContainerLog(tmp_path, 0)


async def text(log: ContainerLog, **options: Any) -> bytes:
    return b"".join([chunk async for chunk in logs.read(log, LogOptions(**options))])


# -- what is read


async def test_lines_of_both_streams_come_in_their_order(log: ContainerLog) -> None:
    log.path.write_bytes(record(0, "one") + record(1, "two", "stderr") + record(2, ""))
    assert await text(log) == b"one\ntwo\n\n"
    assert await text(log, timestamps=True, tail_lines=2) == (
        b"2026-01-01T00:00:01.000000000Z two\n2026-01-01T00:00:02.000000000Z \n"
    )


async def test_parts_of_a_long_line_are_joined(log: ContainerLog) -> None:
    log.path.write_bytes(
        record(0, "a" * 10, kind="P") + record(1, "b" * 10, kind="P") + record(2, "c") + record(3, "d")
    )
    assert await text(log) == b"aaaaaaaaaabbbbbbbbbbc\nd\n"
    assert (await text(log, timestamps=True)).startswith(b"2026-01-01T00:00:00.000000000Z aaaaaaaaaabbbbbbbbbbc\n")


@pytest.mark.parametrize("tail", [0, 1, 3, 4999, 5000, 9000])
async def test_the_last_lines_are_found_from_the_end_over_both_files(log: ContainerLog, tail: int) -> None:
    lines = [f"line {number} {'x' * 100}" for number in range(5000)]
    stored = [record(number, line) for number, line in enumerate(lines)]
    (log.path.parent / "0.log.1").write_bytes(b"".join(stored[:3000]))
    log.path.write_bytes(b"".join(stored[3000:]))
    assert (await text(log, tail_lines=tail)).decode().splitlines() == lines[5000 - min(tail, 5000) :]


async def test_lines_since_a_moment_and_only_so_many_bytes(log: ContainerLog) -> None:
    log.path.write_bytes(b"".join(record(number, f"line {number}") for number in range(10)))
    assert await text(log, since=BEGIN + timedelta(seconds=8)) == b"line 8\nline 9\n"
    assert await text(log, since=BEGIN + timedelta(seconds=60)) == b""
    assert await text(log, limit_bytes=10) == b"line 0\nlin"


async def test_a_log_that_has_nothing_yet_is_empty(log: ContainerLog) -> None:
    assert await text(log) == await text(log, tail_lines=5) == b""


# -- following


class Followed:
    """A log that is followed from the beginning of the test."""

    def __init__(self, log: ContainerLog, **options: Any) -> None:
        self.end = asyncio.Event()
        self._chunks: AsyncIterator[bytes] = logs.read(log, LogOptions(follow=True, **options), self.end.wait)
        self._buffer = b""

    async def line(self) -> str:
        while b"\n" not in self._buffer:
            self._buffer += await anext(self._chunks)
        found, _, self._buffer = self._buffer.partition(b"\n")
        return found.decode()

    async def rest(self) -> bytes:
        return self._buffer + b"".join([chunk async for chunk in self._chunks])


async def test_what_is_written_later_comes_until_the_container_ends(log: ContainerLog) -> None:
    log.path.write_bytes(record(0, "old") + record(1, "before"))
    followed = Followed(log, tail_lines=1)
    assert await followed.line() == "before"
    with log.path.open("ab", buffering=0) as file:
        file.write(record(2, "new"))
        assert await followed.line() == "new"
        file.write(record(3, "last"))
        followed.end.set()
    assert await followed.rest() == b"last\n"


async def test_a_log_is_followed_from_before_its_first_line(log: ContainerLog) -> None:
    followed = Followed(log)
    line = asyncio.create_task(followed.line())
    await asyncio.sleep(0)
    log.path.write_bytes(record(0, "first"))
    assert await line == "first"
    followed.end.set()
    assert await followed.rest() == b""


async def test_nothing_is_lost_or_doubled_when_the_file_is_rotated(
    log: ContainerLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shim, "_LARGEST_LOG", 20_000)
    writer = shim.Log(str(log.path))
    followed = Followed(log)
    for number in range(1000):
        writer.feed("stdout", f"line {number}\n".encode())
        assert await followed.line() == f"line {number}"
    assert log.path.stat().st_size < 20_000
    assert (log.path.parent / "0.log.1").stat().st_size >= 20_000
    whole = (await text(log)).decode().splitlines()
    assert whole == [f"line {number}" for number in range(1000 - len(whole), 1000)]
    followed.end.set()
    assert await followed.rest() == b""


async def test_following_needs_no_processor_while_nothing_comes(log: ContainerLog) -> None:
    log.path.write_bytes(record(0, "one"))
    followed = [Followed(log) for _ in range(50)]
    for each in followed:
        assert await each.line() == "one"
    tasks = [asyncio.create_task(each.line()) for each in followed]
    used = time.process_time()
    await asyncio.wait(tasks, timeout=0.3)
    assert time.process_time() - used < 0.1
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_many_followers_share_one_instance_of_the_system(log: ContainerLog) -> None:
    before = _instances()
    log.path.write_bytes(record(0, "one"))
    followed = [Followed(log) for _ in range(200)]
    for each in followed:
        assert await each.line() == "one"
    assert _instances() == before + 1
    for each in followed:
        each.end.set()
        assert await each.rest() == b""
    assert _instances() == before


def _instances() -> int:
    links = (str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink())
    return sum("inotify" in each for each in links)


# -- the cost


def test_the_shim_stamps_fifty_thousand_lines_a_second_with_little(tmp_path: Path) -> None:
    chunk = b"".join(
        b"2026-01-01 INFO request %05d took 12 ms, status 200, 512 bytes\n" % number for number in range(1000)
    )
    script = (
        f"import sys, time; sys.path.insert(0, {str(Path(shim.__file__).parent)!r}); import shim\n"
        f"log, chunk = shim.Log({str(tmp_path / '0.log')!r}), {chunk!r}\n"
        "begun = time.process_time()\n"
        "for _ in range(500): log.feed('stdout', chunk)\n"
        "print(time.process_time() - begun)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 5.0  # ten seconds' worth of lines


async def test_half_a_million_lines_are_read_quickly(log: ContainerLog) -> None:
    block = b"".join(record(0, f"request {number:05} took 12 ms") for number in range(10_000))
    log.path.write_bytes(block * 50)
    begun = time.process_time()
    count = 0
    async for chunk in logs.read(log, LogOptions()):
        count += chunk.count(b"\n")
    assert count == 500_000
    assert time.process_time() - begun < 5.0


# -- of real pods


def test_a_pods_log_and_that_of_the_run_before(cluster: Cluster) -> None:
    name = run(cluster, pod(container(shell("echo out; echo error >&2; date +%N; exit 1"))))
    cluster.until("pods", name, lambda each: last(each) and waiting("CrashLoopBackOff")(each), "a second end")
    path = cluster.path("pods", f"{name}/log")
    lines = cluster.request("GET", path).splitlines()
    assert sorted(lines)[-2:] == ["error", "out"]
    assert sorted(cluster.request("GET", f"{path}?previous=true").splitlines())[-2:] == ["error", "out"]


def test_there_is_no_log_before_the_start_and_no_previous_one_after_the_first(cluster: Cluster) -> None:
    missing = {"name": "X", "valueFrom": {"configMapKeyRef": {"name": "nothing", "key": "x"}}}
    name = run(cluster, pod(container(FOREVER, env=[missing])))
    cluster.until("pods", name, waiting("CreateContainerConfigError"))
    why = f'container "main" in pod "{name}" is waiting to start: CreateContainerConfigError'
    with pytest.raises(Refused, match=why):
        cluster.request("GET", cluster.path("pods", f"{name}/log"))
    name = run(cluster, pod(container(FOREVER)))
    cluster.until("pods", name, ready)
    with pytest.raises(Refused, match=f'previous terminated container "main" in pod "{name}" not found'):
        cluster.request("GET", cluster.path("pods", f"{name}/log", query={"previous": "true"}))


def test_following_a_pod_that_writes_a_lot_loses_no_line(cluster: Cluster) -> None:
    name = run(cluster, once("i=0; while [ $i -lt 20 ]; do seq 5000; i=$((i+1)); done"))
    cluster.until("pods", name, lambda each: each["status"]["phase"] != "Pending", "a start")
    text = cluster.request("GET", cluster.path("pods", f"{name}/log", query={"follow": "true"}))
    assert text.splitlines() == [str(number) for _ in range(20) for number in range(1, 5001)]
    done = cluster.until("pods", name, terminated, "an end")
    assert terminated(done)["exitCode"] == 0
