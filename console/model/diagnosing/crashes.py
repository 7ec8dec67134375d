"""Containers that end when they should not: with a code, out of memory, killed for a probe, or never really begun.

Exit codes 126 and 127 are the shell's (POSIX, 2.8.2); StartError is containerd's word, ContainerCannotRun Docker's.
"""

from __future__ import annotations

import re

from console.model.diagnosing.probes import failing, killed_for
from console.model.diagnosing.sight import CONFIG, DEPLOY, LOGS, Sight, ends, span, times
from console.model.diagnosis import Cause, Diagnosis
from console.model.workload import Container, ContainerState, ProbeKind, Termination

ENOUGH = 2
"""Restarts after which a container that still ends is not waited for any more: it had its chance three times."""
_KILLED = (137, 143)
"""128 and the number of SIGKILL or SIGTERM."""
_NOT_STARTED = frozenset(["StartError", "ContainerCannotRun", "RunContainerError", "CreateContainerError"])
_NO_PROGRAM = re.compile(
    r"executable file not found|no such file or directory|exec format error|not a directory|: permission denied", re.I
)
_BIND = re.compile(
    r"address (already )?in use|EADDRINUSE|cannot assign requested address|EADDRNOTAVAIL"
    r"|(?:bind|listen|socket|port)[^\n]*(?:permission denied|EACCES)|EACCES[^\n]*(?:bind|listen|:\d)",
    re.I,
)
# The node lost sight of that run, which says nothing of the container (kubelet_pods.go; containerd, CRI restart.go).
_LOST = frozenset(["ContainerStatusUnknown", "Unknown"])


def crash(sight: Sight, container: Container) -> Diagnosis | None:
    """Why a container does not stay up, if it has ended and does not serve."""
    end = container.ended or container.last
    if container.reason in _NOT_STARTED and not end:
        return _not_started(sight, container, container.message)
    if end is None or not _in_trouble(sight, container, end):
        return None
    if end.reason in _NOT_STARTED:
        return _not_started(sight, container, end.message)
    if kind := killed_for(sight, container, end):
        return failing(sight, container, kind, terminal=_had_enough(container))
    if end.reason == "OOMKilled":
        return _out_of_memory(sight, container, end)
    return _by_its_words(sight, container, end)


def _in_trouble(sight: Sight, container: Container, end: Termination) -> bool:
    if container.state is ContainerState.RUNNING:
        return not container.ready and not container.started and end.exit_code != 0 and end.reason not in _LOST
    if container.state is ContainerState.TERMINATED and end.exit_code == 0:
        # Init containers, Jobs: a good end. Anything else that ends well is only started again.
        return not container.init and sight.pod.restart_policy == "Always"
    return True


def _had_enough(container: Container) -> bool:
    return container.restarts >= ENOUGH and container.state is not ContainerState.RUNNING


def _may_be_a_probes(container: Container, end: Termination) -> bool:
    """True while the event may still come that says for which probe a container was killed: a verdict waits for it."""
    probed = any(spec.kind is not ProbeKind.READINESS for spec in container.probes)
    return probed and end.exit_code in _KILLED and container.restarts <= ENOUGH + 1


def _not_started(sight: Sight, container: Container, words: str) -> Diagnosis:
    if not _NO_PROGRAM.search(words):
        summary = f"{sight.who(container)}cannot be started"
        return sight.finding(
            Cause.CRASH_LOOP, summary, terminal=_had_enough(container), evidence=words, hints=(DEPLOY,)
        )
    summary = f"{sight.who(container)}has no such command in its image"
    hint = "correct command and args in the manifest, or the image"
    return sight.finding(Cause.COMMAND_NOT_FOUND, summary, terminal=True, evidence=words, hints=(hint, DEPLOY))


def _out_of_memory(sight: Sight, container: Container, end: Termination) -> Diagnosis:
    summary = f"{sight.who(container)}needs more memory than its limit, killed {times(ends(container))}"
    hints = ("raise resources.limits.memory", DEPLOY)
    evidence = _last_words(sight, container, end) or "OOMKilled"
    terminal = _had_enough(container)
    return sight.finding(
        Cause.OUT_OF_MEMORY, summary, terminal=terminal, evidence=evidence, hints=hints, since=end.finished
    )


def _by_its_words(sight: Sight, container: Container, end: Termination) -> Diagnosis:
    """A plain exit: the code and the last words tell the cause."""
    words, who = _last_words(sight, container, end), sight.who(container)
    how = f"{who}exits with code {end.exit_code}, {_how_often(sight, container, end)}"
    terminal = _had_enough(container) and not _may_be_a_probes(container, end)
    if bind := _BIND.search(sight.clues.get(container.name, "") or end.message):
        words = _line_of(bind)
        hint = "use an address and port of the pod's own that no other container uses"
        cause, how = Cause.CANNOT_BIND, f"{who}cannot listen where it wants to; {how}"
        return sight.finding(cause, how, terminal=terminal, evidence=words, hints=(hint, LOGS), since=end.finished)
    if end.exit_code in (126, 127):
        summary = f"{who}does not find a command, exits with code {end.exit_code}"
        # A verdict ends the wait, so its last words must be known first.
        heard = terminal or bool(words)
        return sight.finding(
            Cause.COMMAND_NOT_FOUND, summary, terminal=heard, evidence=words, hints=(LOGS, DEPLOY), since=end.finished
        )
    if external := sight.around.down(sight.pod.service):
        summary = f"{external.name} cannot be reached; {how}"
        evidence = f"{external.detail}; {words}" if words else external.detail
        return sight.finding(Cause.EXTERNAL_UNREACHABLE, summary, evidence=evidence, hints=(LOGS,), since=external.at)
    hints = (LOGS, CONFIG, DEPLOY)
    return sight.finding(Cause.CRASH_LOOP, how, terminal=terminal, evidence=words, hints=hints, since=end.finished)


def _how_often(sight: Sight, container: Container, end: Termination) -> str:
    runs = ends(container)
    if runs == 1 or end.finished is None:
        return times(runs)
    return f"{times(runs)} in {span(end.finished - sight.pod.created)}"


def _last_words(sight: Sight, container: Container, end: Termination) -> str:
    said = sight.clues.get(container.name, "") or end.message
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f'last words: "{lines[-1]}"' if lines else ""


def _line_of(found: re.Match[str]) -> str:
    """The whole line in which something was found."""
    text, start, end = found.string, found.start(), found.end()
    begin, stop = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    return f'last words: "{text[begin : stop if stop >= 0 else None].strip()}"'
