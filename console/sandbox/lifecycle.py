"""Starting, asking, stopping and removing a sandbox, from outside of its daemon.

Imports only what is cheap: these commands are also what a person waits for.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from console.sandbox.failures import SandboxError
from console.sandbox.identity import Identity
from console.sandbox.settings import Settings

READY_WITHIN = 60.0
"""Seconds after which a daemon that says nothing is taken for stuck."""
ENDS_WITHIN = 45.0
"""Seconds that a daemon has to end its pods and itself."""
_OURS = {"daemon.json", "lock", "up.lock", "store.db"}

Status = dict[str, Any]


def status(state: Path) -> Status:
    """What runs in a state folder, as the daemon wrote it down; `{"running": False, ...}` when nothing does."""
    record = _record(state)
    identity = Identity.read(record)
    if identity and identity.alive:
        return {**record, "running": True}
    return {"running": False, "state": str(state), "kept": (state / "store.db").exists()}


def _record(state: Path) -> Status:
    try:
        found: Status = json.loads((state / "daemon.json").read_text())
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return {}
    return found


def up(settings: Settings, flags: Mapping[str, Any]) -> Status:
    """Starts the sandbox unless it runs, and waits until it answers. Running it twice is fine.

    Args:
        settings: all of them.
        flags: those that were asked for by name; a running sandbox must agree with them.

    Raises:
        SandboxError: it cannot start, or runs with other settings.
    """
    _make_folder(settings.state)
    with _alone(settings.state / "up.lock"):
        running = status(settings.state)
        if running["running"]:
            _check_same(running, flags)
            return running
        _start(settings)
        return status(settings.state)


def _make_folder(state: Path) -> None:
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        (state / "up.lock").touch(mode=0o600)
    except OSError as error:
        raise SandboxError(
            f"cannot write to the state folder {state}: {error.strerror}; name another one with --state"
        ) from None


def _check_same(running: Status, flags: Mapping[str, Any]) -> None:
    for name, wanted in flags.items():
        actual = running.get("settings", {}).get(name)
        if wanted is not None and actual is not None and str(wanted) != str(actual) and name != "state":
            raise SandboxError(
                f"the sandbox in {running['state']} runs already, with {name} {actual} instead of {wanted}; "
                "stop it first with `sandbox down`"
            )


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Only one process at a time starts or stops a sandbox; the others wait."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _start(settings: Settings) -> None:
    reader, writer = os.pipe()
    command = [sys.executable, "-m", "console.sandbox", "serve", "--ready-fd", str(writer)]
    for field in fields(settings):
        command += [f"--{field.name.replace('_', '-')}", str(getattr(settings, field.name))]
    log_file = settings.state / "daemon.log"
    log_file.touch(mode=0o600)
    with log_file.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own program, with our own arguments
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(writer,),
            start_new_session=True,
            cwd=Path(__file__).parents[2],
        )
    os.close(writer)
    try:
        _await_ready(reader, process, settings.state)
    finally:
        os.close(reader)
        process.returncode = process.returncode or 0  # the daemon stays; it is nobody's child from here on


def _await_ready(reader: int, process: subprocess.Popen[bytes], state: Path) -> None:
    """The daemon writes one line when it answers, or why it cannot; the pipe's end tells that it died."""
    message = b""
    while not message.endswith(b"\n"):
        if not select.select([reader], [], [], READY_WITHIN)[0]:
            process.terminate()
            raise SandboxError(f"the sandbox did not answer within {READY_WITHIN:.0f} s; see {state / 'daemon.log'}")
        part = os.read(reader, 65536)
        if not part:
            raise SandboxError(f"the sandbox ended while starting; see the end of {state / 'daemon.log'}")
        message += part
    if problem := json.loads(message).get("error"):
        raise SandboxError(problem)


def down(state: Path) -> Status:
    """Ends the pods and the daemon; nothing running is fine. Objects are kept.

    Raises:
        SandboxError: the folder cannot be written.
    """
    if not state.exists():
        return status(state)
    _make_folder(state)
    with _alone(state / "up.lock"):
        if identity := Identity.read(_record(state)):
            identity.end(ENDS_WITHIN)
        _end_leftovers(state)
        (state / "daemon.json").unlink(missing_ok=True)
    return status(state)


def _end_leftovers(state: Path) -> None:
    """Ends pod processes that outlived a daemon which was killed."""
    from console.sandbox.kubelet.leftovers import end_leftovers

    end_leftovers((state / "pods").glob("*"))


def _remove(state: Path) -> None:
    """Removes the folder; what shows that it is a sandbox's goes last, so that a broken-off reset can be repeated."""
    if not state.exists():
        return
    for path in state.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in _OURS:
            path.unlink()
    shutil.rmtree(state)


def reset(settings: Settings) -> Status:
    """Ends the sandbox and removes its state folder with all it holds.

    Raises:
        SandboxError: the folder is not one of a sandbox.
    """
    from console.sandbox.network.addresses import release_ranges

    state = settings.state
    if state.exists() and any(state.iterdir()) and not any((state / name).exists() for name in _OURS):
        raise SandboxError(f"{state} does not hold a sandbox: it is left alone; name the right folder with --state")
    down(state)
    _remove(state)
    release_ranges(settings.runtime, state)
    return status(state)
