"""One container's process and its shim, without a cluster."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from console.sandbox.api import times
from console.sandbox.kubelet import memory
from console.sandbox.kubelet.modes.namespaces import missing
from console.sandbox.kubelet.process import Order, Process, StartError
from console.sandbox.kubelet.shim import descendants

HOLD = "import time; held = bytearray(120 << 20); time.sleep(60)"


def _python(program: str) -> list[str]:
    return ["python", "-c", program]


async def _start(folder: Path, command: list[str], limit: int = 0, group: str = "") -> Process:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    order = Order(command, {"PATH": path}, str(folder), limit, group, {})
    return await Process.start(folder, folder / "0.log", order, {"restart": 0, "since": times.micro_time()})


async def test_memory_is_watched_where_no_group_can_be_made(tmp_path: Path) -> None:
    process = await _start(tmp_path, _python(HOLD), limit=50 << 20)
    exit_ = await process.wait()
    assert (exit_.oom, exit_.code) == (True, 137)


async def test_memory_is_limited_by_a_group_that_goes_with_the_container(tmp_path: Path) -> None:
    name = f"sandbox-test-{os.getpid()}"
    folder = memory.make(name, 50 << 20)
    memory.remove(folder)
    if not folder:
        pytest.skip("this user may not make control groups")
    process = await _start(tmp_path, _python(HOLD), limit=50 << 20, group=name)
    exit_ = await process.wait()
    assert (exit_.oom, exit_.code) == (True, 137)
    assert not os.path.exists(folder)  # noqa: ASYNC240, PTH110


async def test_a_program_that_is_not_there_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"executable file not found in \$PATH"):
        await _start(tmp_path, ["no-such-program"])
    assert not (tmp_path / "run.json").exists()


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    order = Order(["true"], {"PATH": os.environ["PATH"]}, "/no/such/folder", 0, "", {})
    with pytest.raises(StartError, match=r"chdir to cwd .* failed: no such file or directory"):
        await Process.start(tmp_path, tmp_path / "0.log", order, {"restart": 0, "since": times.micro_time()})


async def test_the_process_goes_with_its_shim(tmp_path: Path) -> None:
    process = await _start(tmp_path, ["sh", "-c", "sleep 600 & sleep 600"])
    pids = await _below(process, 3)
    os.kill(process.shim, signal.SIGKILL)
    assert (await process.wait()).code == 137
    await asyncio.to_thread(_until, lambda: not any(_words(pid) for pid in pids))


async def test_what_has_left_its_session_goes_with_a_killed_shim_where_there_are_namespaces(tmp_path: Path) -> None:
    if why := await asyncio.to_thread(missing):
        pytest.skip(f"this machine does not let users make namespaces: {why}")
    root = tmp_path / "root"
    root.mkdir()
    entry = {"root": str(root), "uid": os.getuid(), "gid": os.getgid(), "mounts": [(str(tmp_path), "/tmp", False)]}
    order = Order(["sh", "-c", "(setsid sleep 600 &); exec sleep 600"], {"PATH": os.environ["PATH"]}, "/", 0, "", entry)
    about = {"restart": 0, "since": times.micro_time()}
    process = await Process.start(tmp_path, tmp_path / "0.log", order, about)
    pids = await _below(process, 2)
    os.kill(process.shim, signal.SIGKILL)
    assert (await process.wait()).code == 137
    assert not any(_words(pid) for pid in pids)


async def test_orphans_stay_below_the_shim_and_end_with_the_container(tmp_path: Path) -> None:
    script = "(setsid sleep 600 &); exec sleep 600"
    process = await _start(tmp_path, ["sh", "-c", script])
    pids = await _below(process, 2)
    process.kill()
    await process.wait()
    assert not any(_words(pid) for pid in pids)


async def _below(process: Process, number: int) -> list[int]:
    """Waits until so many processes run below a shim, all of them with a command of their own."""

    def there() -> bool:
        pids = list(descendants(process.shim))
        return len(pids) == number and all(map(_words, pids))

    await asyncio.to_thread(_until, there)
    return list(descendants(process.shim))


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _words(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


async def test_the_log_has_a_line_for_each_line_with_time_and_stream(tmp_path: Path) -> None:
    process = await _start(tmp_path, ["sh", "-c", "echo one; echo two >&2; printf three"])
    await process.wait()
    lines = [line.split(" ", 3) for line in (tmp_path / "0.log").read_text().splitlines()]
    assert sorted(line[1:] for line in lines) == [
        ["stderr", "F", "two"],
        ["stdout", "F", "one"],
        ["stdout", "P", "three"],
    ]
    assert all(times.parse(line[0][:26] + "Z") <= times.now() for line in lines)
