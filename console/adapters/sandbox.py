"""The embedded cluster, from outside: its own command, started as a process. Nothing of it is imported."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from console.model.errors import PreflightError


class SandboxStatus(Struct, frozen=True):
    """What `sandbox status --output json` says. Addresses are empty while it is down."""

    running: bool = False
    pid: int | None = None
    server: str = ""
    kubeconfig: str = ""
    registry: str = ""
    ingress: str = ""
    pod_mode: str = ""
    not_enforced: list[str] = msgspec.field(default_factory=list)
    nodes: list[str] | int = 0
    version: str = ""


async def up(state: Path | None = None, options: Sequence[str] = ()) -> SandboxStatus:
    """Starts the sandbox if it is down, and returns once it answers. Raises PreflightError if it cannot start."""
    return _parse(await _run("up", state, options))


async def status(state: Path | None = None) -> SandboxStatus:
    """Whether the sandbox runs, and where it is reached."""
    return _parse(await _run("status", state))


async def down(state: Path | None = None) -> None:
    """Ends every pod, then the sandbox. What it holds is there again after the next `up`."""
    await _run("down", state)


async def reset(state: Path | None = None) -> None:
    """Ends the sandbox and removes all that it holds."""
    await _run("reset", state)


async def _run(command: str, state: Path | None, options: Sequence[str] = ()) -> bytes:
    where = () if state is None else ("--state", str(state))
    # -P: what lies in the working directory must not shadow an installed module.
    arguments = (sys.executable, "-P", "-m", "console.sandbox", command, "--output", "json", *where, *options)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe, start_new_session=True
    )
    try:
        output, errors = await process.communicate()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        raise
    # `status` of a sandbox that is down may say so by its exit code, too.
    if process.returncode and not (command == "status" and output.strip()):
        raise _failure(command, errors)
    return output


def _failure(command: str, errors: bytes) -> PreflightError:
    lines = errors.decode(errors="replace").strip().splitlines()
    why = lines[-1] if lines else "it ended without a word"
    hint = "look into daemon.log in the sandbox's state folder; `sandbox reset` starts from nothing"
    return PreflightError(f"`sandbox {command}` failed", why=why, hint=hint)


def _parse(output: bytes) -> SandboxStatus:
    try:
        return msgspec.json.decode(output, type=SandboxStatus)
    except msgspec.MsgspecError as error:
        raise PreflightError("the sandbox's status makes no sense", why=str(error), hint="`sandbox reset`") from error
