"""Commands that people run in a container."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from console.sandbox.api.errors import StatusError
from console.sandbox.kubelet.process import exec_problem, readable

Waits = Callable[[], Coroutine[Any, Any, Any]]
_CHUNK = 32 * 1024
_AHEAD = 16
"""Chunks that are read before the client has taken them."""
# What runs between our fork and the command: it ends with this daemon (PR_SET_PDEATHSIG), ignores no
# signal only because whoever started the daemon does, and owns its terminal.
_ENTRY = """
import ctypes, fcntl, os, signal, sys, termios
ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
    signal.signal(number, signal.SIG_DFL)
if os.isatty(0):
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
try:
    os.execvp(sys.argv[1], sys.argv[1:])
except OSError as error:
    sys.exit(f"{sys.argv[1]}: {error.strerror}")
"""


async def start(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: str,
    *,
    stdin: bool,
    tty: bool,
    ended: Waits,
) -> Command:
    """Starts a command beside a container's process.

    Args:
        command: program and arguments, as they are started here.
        environment: all of it.
        folder: the working directory.
        stdin: whether something will be written to it.
        tty: whether it gets a terminal.
        ended: waits for the end of the container, with which the command ends too.

    Raises:
        StatusError: 500, there is no such program, or it may not be run.
    """
    if not shutil.which(command[0], path=environment.get("PATH", os.defpath)):
        raise _no_program(command[0])
    words = [sys.executable, "-I", "-S", "-c", _ENTRY, *command]
    try:
        if tty:
            return await _with_terminal(words, dict(environment) | {"TERM": "xterm"}, folder, ended)
        return await _with_pipes(words, dict(environment), folder, stdin, ended)
    except OSError as error:
        raise StatusError(500, "InternalError", f"error executing command in container: {error}") from error


def _no_program(name: str) -> StatusError:
    """As containerd and runc say it."""
    about = f"unable to start container process: {exec_problem(name, 2)}: unknown"
    why = f"failed to exec in container: failed to start exec: OCI runtime exec failed: exec failed: {about}"
    return StatusError(500, "InternalError", f"Internal error occurred: error executing command in container: {why}")


async def _with_pipes(words: list[str], environment: dict[str, str], folder: str, stdin: bool, ended: Waits) -> Command:
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    # In this thread: the command's end is tied to it. Popen returns within milliseconds.
    process = subprocess.Popen(  # noqa: S603, ASYNC220 - running commands is what it is for
        words,
        stdin=pipe if stdin else null,
        stdout=pipe,
        stderr=pipe,
        env=environment,
        cwd=folder,
        start_new_session=True,
    )
    outputs = {"stdout": process.stdout, "stderr": process.stderr}
    return await Command.of(process, outputs, process.stdin, ended)


async def _with_terminal(words: list[str], environment: dict[str, str], folder: str, ended: Waits) -> Command:
    ours, theirs = (os.fdopen(each, "r+b", buffering=0) for each in pty.openpty())
    with theirs:
        try:
            process = subprocess.Popen(  # noqa: S603, ASYNC220 - as above
                words, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=folder, start_new_session=True
            )
        except OSError:
            ours.close()
            raise
    keys = os.fdopen(os.dup(ours.fileno()), "wb", buffering=0)
    return await Command.of(process, {"stdout": ours}, keys, ended, terminal=keys.fileno())


class _Output(asyncio.StreamReaderProtocol):
    """What a command writes. A terminal ends with EIO (pty(7)), which here is an end like any other."""

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(None)


class Command:
    """A command that runs in a container (`Session`).

    Args:
        process: what was started, the leader of a session of its own.
        outputs: what it writes, by the name of the stream, and how to stop reading.
        input_: where to write, if anywhere.
        ended: waits for the end of the container.
        terminal: its descriptor, -1 without one.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        outputs: Mapping[str, tuple[asyncio.StreamReader, asyncio.BaseTransport]],
        input_: asyncio.StreamWriter | None,
        ended: Waits,
        terminal: int,
    ) -> None:
        self._process, self._outputs, self._input, self._terminal = process, outputs, input_, terminal
        self._queue: asyncio.Queue[tuple[str, bytes] | None] = asyncio.Queue(_AHEAD)
        self._end = asyncio.create_task(self._follow(), name="exec: end")
        self._readers = [
            asyncio.create_task(self._read(name, stream), name=f"exec: {name}") for name, (stream, _) in outputs.items()
        ]
        self._tasks = [
            *self._readers,
            asyncio.create_task(self._finish(), name="exec: end of the output"),
            asyncio.create_task(self._end_with(ended), name="exec: end of the container"),
        ]

    @classmethod
    async def of(
        cls,
        process: subprocess.Popen[bytes],
        outputs: Mapping[str, Any],
        input_: Any,
        ended: Waits,
        terminal: int = -1,
    ) -> Command:
        """A command by its process and the files that lead to and from it."""
        loop = asyncio.get_running_loop()
        readers, writer = {}, None
        for name, file in outputs.items():
            reader = asyncio.StreamReader()
            transport, _ = await loop.connect_read_pipe(partial(_Output, reader), file)
            readers[name] = (reader, transport)
        if input_:
            to, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, input_)
            writer = asyncio.StreamWriter(to, protocol, None, loop)
        return cls(process, readers, writer, ended, terminal)

    async def _follow(self) -> int:
        """The exit code."""
        descriptor = os.pidfd_open(self._process.pid)
        try:
            await readable(descriptor)
        finally:
            os.close(descriptor)
        code = self._process.wait()
        return 128 - code if code < 0 else code

    async def _read(self, name: str, stream: asyncio.StreamReader) -> None:
        while data := await stream.read(_CHUNK):
            await self._queue.put((name, data))

    async def _finish(self) -> None:
        """The output ends with the command, once it is read; what the command left running ends too."""
        await self.wait()
        self._kill()
        await asyncio.wait(self._readers)
        await self._queue.put(None)

    async def _end_with(self, ended: Waits) -> None:
        await ended()
        self._kill()

    async def output(self) -> AsyncIterator[tuple[str, bytes]]:
        """Everything written, as it comes."""
        while item := await self._queue.get():
            yield item

    async def write(self, data: bytes) -> None:
        """Passes bytes to standard input; what nobody reads any more is dropped."""
        if self._input and not self._input.is_closing():
            with suppress(ConnectionError):
                self._input.write(data)
                await self._input.drain()

    async def close_input(self) -> None:
        """Ends standard input; a terminal is told so by its end-of-file character."""
        if self._terminal >= 0:
            await self.write(b"\x04")
        elif self._input:
            self._input.close()

    async def resize(self, columns: int, rows: int) -> None:
        """Tells the terminal its size; the processes in front are told by the system (SIGWINCH)."""
        if self._terminal >= 0 and self._input and not self._input.is_closing():
            fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def wait(self) -> int:
        """The exit code."""
        return await asyncio.shield(self._end)

    async def close(self) -> None:
        """Ends the command with all it has started."""
        self._kill()
        await self.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for _, transport in self._outputs.values():
            transport.close()
        if self._input:
            self._input.close()

    def _kill(self) -> None:
        """Ends every process of the command's session, its leader last: until then no other session has its number."""
        for pid in (*_others(self._process.pid), self._process.pid):
            if pid != self._process.pid or self._process.returncode is None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _others(leader: int) -> list[int]:
    """The processes of a session besides its leader."""
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208 - a thousand names, a string each
        if name.isdigit() and int(name) != leader:
            with suppress(ProcessLookupError):
                if os.getsid(int(name)) == leader:
                    found.append(int(name))
    return found
