"""What can go wrong with the sandbox itself, told in one sentence to the person who started it."""

from __future__ import annotations

EXIT_REFUSED = 10


class SandboxError(Exception):
    """The sandbox cannot do what was asked. The message says what, where, why and what to do; the exit code is 10."""
