"""Carries out what a drill does to the cluster."""

from __future__ import annotations

from collections.abc import Callable

from console.engine.ports import Cluster
from console.model.drills.calls import Call, Cordon, Create, Delete, Evict, Replicas, Send, Signal, call_words
from console.model.drills.ground import DRILL_ANNOTATION, NotApplicableError
from console.model.drills.restoring import marked
from console.model.errors import ApplyError, BudgetError, DrillError
from console.model.stack import JSON

_EXEC_WITHIN = 20.0
_NOBODY, _SEVERAL, _STILL = 3, 4, 5
_FIND = """
own=$(readlink /proc/self/ns/mnt) among=" "
for file in $(grep -lszx "HOSTNAME=$1" /proc/[0-9]*/environ); do
  pid=${file#/proc/}; pid=${pid%/environ}
  [ "$pid" != $$ ] && [ "$(readlink /proc/$pid/ns/mnt 2>/dev/null)" = "$own" ] && among="$among$pid "
done
first=
for pid in $among; do
  stat=$(cat /proc/$pid/stat 2>/dev/null) || continue
  set -- "$1" "$2" ${stat##*) }
  case "$among" in *" $4 "*) continue;; esac
  [ "$4" = $$ ] && continue
  [ -z "$first" ] || exit 4
  first=$pid
done
[ -n "$first" ] || exit 3
"""
"""The application's process: of this pod by its environment, of this container by its mounts, the first of its family.

`$1` is the pod's name. A container that shares its processes with the others of its pod has a pause as number 1.
"""
_SEND = """
kill -s "$2" "$first" || exit 1
[ "$2" != STOP ] && exit 0
for round in 1 2 3 4 5 6 7 8 9 10; do
  stat=$(cat /proc/$first/stat) && set -- "$1" "$2" ${stat##*) }
  [ "$3" = T ] && exit 0
done
exit 5
"""
"""The signal `$2`; of a process that is stopped the state must say so (proc(5))."""
_WHY = {
    _NOBODY: "its process is not found",
    _SEVERAL: "several processes could be the application",
    _STILL: "the process goes on",
}


async def inject(cluster: Cluster, calls: tuple[Call, ...], mark: str, tell: Callable[[str], None]) -> str:
    """Carries out calls in order; the words of a disruption budget that refused one, empty if none did.

    Args:
        cluster: what is harmed.
        calls: what to do.
        mark: how it is undone, for what is changed.
        tell: is told each call once it is done.

    Raises:
        DrillError: a signal did not arrive.
        ConsoleError: the API server refuses.
    """
    for call in calls:
        try:
            await _carry_out(cluster, call, mark)
        except BudgetError as error:
            if not (isinstance(call, Evict) and call.may_be_refused):
                raise
            tell(f"{call_words(call)}: refused, {error.why}")
            return error.why
        tell(call_words(call))
    return ""


async def send_signal(cluster: Cluster, call: Signal) -> None:
    """Sends a signal to the application's process of a container.

    Raises:
        DrillError: the process is not found, or goes on.
        ApplyError: the container has no shell.
        NotFoundError: the pod is gone.
    """
    command = ("sh", "-c", _FIND + _SEND, "sh", call.ref.name, call.signal)
    ended = await cluster.exec(call.ref.namespace, call.ref.name, call.container, command, timeout=_EXEC_WITHIN)
    if ended.code:
        why = _WHY.get(ended.code) or ended.stderr.decode(errors="replace").strip() or f"exit {ended.code}"
        raise DrillError(f"SIG{call.signal} did not arrive", where=f"{call.ref} {call.container}", why=why)


async def refuse_unreachable_processes(cluster: Cluster, calls: tuple[Call, ...]) -> None:
    """Before anything is injected. Raises NotApplicableError: the process that a signal is for is not found."""
    for call in calls:
        if isinstance(call, Signal):
            command = ("sh", "-c", _FIND, "sh", call.ref.name, call.signal)
            where = (call.ref.namespace, call.ref.name, call.container)
            try:
                ended = await cluster.exec(*where, command, timeout=_EXEC_WITHIN)
            except ApplyError as error:
                raise NotApplicableError(f"{call.ref} {call.container} has no shell: {error.why}") from error
            if ended.code:
                said = ended.stderr.decode(errors="replace").strip()
                raise NotApplicableError(f"{call.ref} {call.container}: {_WHY.get(ended.code) or said}")


async def _carry_out(cluster: Cluster, call: Call, mark: str) -> None:
    match call:
        case Send():
            await cluster.apply(marked(call.body, mark), force=True)
        case Replicas():
            await cluster.patch(call.ref, "merge", _with_mark({"spec": {"replicas": call.count}}, mark))
        case Create():
            await cluster.create(marked(call.body, mark))
        case Delete():
            await cluster.delete(call.ref, uid=call.uid)
        case Evict():
            await cluster.evict(call.ref, call.uid)
        case Cordon():
            await cluster.patch(call.ref, "merge", _with_mark({"spec": {"unschedulable": True}}, mark))
        case Signal():
            await send_signal(cluster, call)


def _with_mark(patch: JSON, mark: str) -> JSON:
    return {**patch, "metadata": {"annotations": {DRILL_ANNOTATION: mark}}}
