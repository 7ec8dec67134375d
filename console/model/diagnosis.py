"""Symptom -> cause: why something is not as it should be, and what shows it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """The causes that the console tells apart. The value is the word in JSON."""

    IMAGE_MISSING = "image-missing"
    IMAGE_UNPULLABLE = "image-unpullable"
    CONFIG_MISSING = "config-missing"
    SECRET_MISSING = "secret-missing"  # noqa: S105 - a cause, not a password
    KEY_MISSING = "key-missing"
    CRASH_LOOP = "crash-loop"
    COMMAND_NOT_FOUND = "command-not-found"
    STARTUP_PROBE = "startup-probe-failing"
    READINESS_PROBE = "readiness-probe-failing"
    LIVENESS_PROBE = "liveness-probe-failing"
    PORT_NOT_LISTENED = "port-not-listened"
    CANNOT_BIND = "cannot-bind"
    UNSCHEDULABLE = "unschedulable"
    QUOTA = "quota-exceeded"
    OUT_OF_MEMORY = "out-of-memory"
    DEADLINE = "progress-deadline-exceeded"
    EXTERNAL_UNREACHABLE = "external-unreachable"
    NAMESPACE_TERMINATING = "namespace-terminating"
    VOLUME = "volume-not-mounted"
    REFUSED = "refused-by-admission"
    STARTING = "starting"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A cause, never only a status.

    `service` and `subject` ("pod/backend-7c9f-2xk") say of what; `terminal` is True when waiting cannot help;
    `summary` is one sentence; `evidence` the line that shows it; `changed` what changed last;
    `hints` what would fix it.
    `signature` stays the same while the cause stays the same, so that it is told once.
    """

    cause: Cause
    service: str
    subject: str
    terminal: bool
    summary: str
    evidence: str = ""
    changed: str = ""
    hints: tuple[str, ...] = ()
    since: float | None = None

    @property
    def signature(self) -> tuple[str, str, str]:
        """What makes two diagnoses the same finding."""
        return (self.cause, self.service, self.subject)

    def __str__(self) -> str:
        words = f": {self.evidence}" if self.evidence else ""
        return f"{self.service or self.subject}: {self.summary}{words}"
