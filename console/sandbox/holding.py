"""The lock on a state folder."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console.sandbox.failures import SandboxError


@contextmanager
def held(state: Path) -> Iterator[None]:
    """Holds a state folder, which is made if need be: one daemon a folder, whatever `daemon.json` says.

    Raises:
        SandboxError: another daemon holds it, or it cannot be written.
    """
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (state / "lock").open("w")
    except OSError as error:
        raise _unwritable(state, error) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SandboxError(
                f"another sandbox holds the state folder {state}: use it, stop it with `sandbox down`, "
                "or name another folder with --state"
            ) from None
        except OSError as error:
            raise _unwritable(state, error) from None
        yield


def _unwritable(state: Path, error: OSError) -> SandboxError:
    return SandboxError(f"cannot write to the state folder {state}: {error.strerror}; name another one with --state")
