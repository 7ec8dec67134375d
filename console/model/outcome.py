"""How a command ends: the one table of exit codes. `--help`, the docs and every verdict are made from it."""

from __future__ import annotations

from enum import Enum


class Outcome(Enum):
    """The end of a command: its exit code and what the code means. A failure names the phase that failed."""

    DONE = (0, "done")
    BUG = (1, "a bug of ours")
    USAGE = (2, "wrong usage or stack file")
    CHANGES = (3, "plan --exit-code: there is something to do")
    PREFLIGHT = (10, "preflight said no (also doctor, sandbox up)")
    BUILD = (11, "a build failed")
    PUSH = (12, "a push failed")
    APPLY = (13, "apply failed (also destroy, prune, a plan gone stale)")
    ROLLOUT = (14, "a rollout failed (also scale, restart, config, rollback)")
    VERIFY = (15, "verify failed (also failed requests under --probe-load)")
    DRILL = (16, "a drill failed")
    LOCKED = (17, "another run holds the lock on the stack")
    UNREACHABLE = (18, "the API server did not answer")
    REFUSED = (19, "refused: read-only, protected, or confirmation missing")
    INTERRUPTED = (130, "interrupted")

    def __init__(self, code: int, meaning: str) -> None:
        self.code = code
        self.meaning = meaning

    @property
    def word(self) -> str:
        """The outcome as it stands in JSON: its name in lower case."""
        return self.name.lower()
