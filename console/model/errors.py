"""The one exception tree.

ConsoleError                what went wrong, where, why, and what to do; `outcome` gives the exit code
├── UsageError              wrong arguments
│   └── StackFileError      every problem of a stack's files at once, each with file, line and column
├── PreflightError          the machine, cluster, registry or database is not ready for the plan
├── BuildError              an image could not be built
├── PushError               an image could not be pushed
├── ApplyError              the API server refused an object
│   ├── StalePlanError      a planned field changed in the cluster since the plan was made
│   └── ConflictError       somebody else was first: the object exists already, or changed meanwhile
│       ├── EditConflictError   keys of a ConfigMap or Secret were changed since the edit began; three ways of each
│       └── FieldConflictError  other field managers own fields of a server-side apply; named one by one
├── RolloutError            a workload did not become ready; carries the diagnoses
├── VerifyError             an acceptance check failed
├── LockedError             another run holds the stack
├── UnreachableError        the API server did not answer
├── DeniedError             the API server forbids a verb; the missing right is named
├── NotFoundError           the API server knows no such object
└── RefusedError            read-only, protected, or confirmation missing

Adapters chain the client's own exception as the cause; no front end ever shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from console.model.outcome import Outcome

if TYPE_CHECKING:
    from console.model.diagnosis import Diagnosis
    from console.model.editing import ThreeWay
    from console.model.plan import ObjectRef
    from console.model.run import LockHolder


class ConsoleError(Exception):
    """Base of everything that a user, a cluster or a network can cause.

    Args:
        what: what failed, in one line.
        where: the file, object or address, if there is one.
        why: the reason, in the words of whoever gave it.
        hint: what to do next.
    """

    outcome: ClassVar[Outcome] = Outcome.BUG

    def __init__(self, what: str, *, where: str = "", why: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.why = why
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        reason = f": {self.why}" if self.why else ""
        advice = f"\n  {self.hint}" if self.hint else ""
        return f"{place}{self.what}{reason}{advice}"


class UsageError(ConsoleError):
    """Wrong arguments, an unknown stack, target or service."""

    outcome = Outcome.USAGE


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file. Lines and columns count from 1.

    `needs` is an object that only the cluster may have: whether it is wrong is settled by asking.
    """

    file: str
    line: int
    column: int
    message: str
    offending: str = ""
    expected: str = ""
    nearest: str = ""
    needs: ObjectRef | None = None

    def __str__(self) -> str:
        parts = [f"{self.file}:{self.line}:{self.column}: {self.message}"]
        if self.offending:
            parts.append(f"found {self.offending!r}")
        if self.expected:
            parts.append(f"expected {self.expected}")
        if self.nearest:
            parts.append(f"did you mean {self.nearest!r}?")
        return "; ".join(parts)


class StackFileError(UsageError):
    """A stack's files are wrong. All problems are reported at once, in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.file, p.line, p.column)))
        count = len(self.problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in the stack's files")

    def __str__(self) -> str:
        return "\n".join([str(problem) for problem in self.problems] + [self.what])


class PreflightError(ConsoleError):
    """Something that the plan needs is not there."""

    outcome = Outcome.PREFLIGHT


class BuildError(ConsoleError):
    """An image could not be built."""

    outcome = Outcome.BUILD


class PushError(ConsoleError):
    """An image could not be pushed."""

    outcome = Outcome.PUSH


class ApplyError(ConsoleError):
    """The API server refused an object, or an object could not be removed."""

    outcome = Outcome.APPLY


class StalePlanError(ApplyError):
    """The live value of a planned field changed after the plan was made."""


class ConflictError(ApplyError):
    """Somebody else was first: the object exists already, or changed since it was read."""


class EditConflictError(ConflictError):
    """Somebody else changed what an edit changes, since it began. `ways` tell it key by key."""

    def __init__(self, subject: str, ways: Sequence[ThreeWay]) -> None:
        keys = ", ".join(way.key for way in ways)
        hint = "look at both, then edit what is there now"
        super().__init__(f"somebody else changed {keys} since the edit began", where=subject, hint=hint)
        self.ways = tuple(ways)


class BudgetError(ConflictError):
    """A disruption budget does not allow an eviction now."""


class FieldConflictError(ConflictError):
    """Fields of a server-side apply belong to other field managers. `conflicts` holds (field, manager)."""

    def __init__(self, what: str, conflicts: Sequence[tuple[str, str]], *, where: str, why: str, hint: str) -> None:
        super().__init__(what, where=where, why=why, hint=hint)
        self.conflicts = tuple(conflicts)


class RolloutError(ConsoleError):
    """A workload did not become ready. `diagnoses` say why, the most certain first."""

    outcome = Outcome.ROLLOUT

    def __init__(self, what: str, diagnoses: Sequence[Diagnosis] = (), *, hint: str = "") -> None:
        why = "; ".join(str(diagnosis) for diagnosis in diagnoses)
        super().__init__(what, why=why, hint=hint)
        self.diagnoses = tuple(diagnoses)


class VerifyError(ConsoleError):
    """An acceptance check failed."""

    outcome = Outcome.VERIFY


class DrillError(ConsoleError):
    """A drill did not come to its end."""

    outcome = Outcome.DRILL


class LockedError(ConsoleError):
    """Another run holds the stack; the message says who and since when, and so does `holder`."""

    outcome = Outcome.LOCKED
    holder: LockHolder | None = None


class UnreachableError(ConsoleError):
    """The API server did not answer. `retry_after` are the seconds that it asks to wait before the next try."""

    outcome = Outcome.UNREACHABLE
    retry_after: float = 0.0


class DeniedError(ConsoleError):
    """The API server forbids a verb. `right` is the missing one, like "list pods in todo"."""

    outcome = Outcome.PREFLIGHT

    def __init__(self, right: str, *, why: str = "", hint: str = "") -> None:
        super().__init__(f"not allowed to {right}", why=why, hint=hint)
        self.right = right


class NotFoundError(ConsoleError):
    """The API server knows no such object or kind."""

    outcome = Outcome.APPLY


class RefusedError(ConsoleError):
    """The console itself refused: read-only, protected target, or confirmation missing."""

    outcome = Outcome.REFUSED
